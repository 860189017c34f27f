import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cruise, type ICruiseOptions, type ICruiseResult } from 'dependency-cruiser';
import extractDepcruiseConfig from 'dependency-cruiser/config-utl/extract-depcruise-config';

/** What the rules found, and how many modules they looked at: none found in none looked at is no good news. */
export type FloorReport = { readonly modules: number; readonly violations: readonly string[] };

const root = join(import.meta.dirname, '..', '..');

/** Holds the rules of .dependency-cruiser.mjs against the folders of a tree. */
export async function checkFloors(folders: readonly string[], directory: string = root): Promise<FloorReport> {
  const config = await extractDepcruiseConfig(join(root, '.dependency-cruiser.mjs'));
  const options: ICruiseOptions = { ...config.options, ruleSet: { forbidden: config.forbidden ?? [] }, validate: true, baseDir: directory };
  const { output } = await cruise([...folders], options, { ...config.options?.enhancedResolveOptions });
  const violations = await unknownModules(directory);
  const { summary, modules } = output as ICruiseResult;
  const own = modules.filter((module) => !module.source.includes('node_modules') && !module.coreModule);
  return {
    modules: own.length,
    violations: [...violations, ...summary.violations.map(({ rule, from, to, comment }) => `${from} → ${to}: ${rule.name}${comment ? ` (${comment})` : ''}`)],
  };
}

/** Folders of the server that no rule speaks of would escape all of them. */
async function unknownModules(directory: string): Promise<string[]> {
  const { floors, above } = (await import(join(root, '.dependency-cruiser.mjs'))) as { floors: string[][]; above: string[] };
  const known = [...floors.flat(), ...above, 'migrations', 'node_modules'];
  const folders = readdirSync(join(directory, 'server'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders.filter(({ name }) => !known.includes(name)).map(({ name }) => `server/${name}: no floor is given to this module in .dependency-cruiser.mjs`);
}
