import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * The server in a few files instead of two thousand, made by `scripts/bundle.ts` for a quick start (decision 0016). It is named
 * after what it was made of, so one of other sources or other packages is not found.
 */

/** Beside the packages: who can write there can change the program anyway. */
const place = ['node_modules', '.cache', 'heliu-server'];
/** Folders of `server/` that a node that serves has no use for. */
const elsewhere: readonly string[] = ['bench', 'migrations', 'sim', 'testing'];
/** How it is made counts too. */
const makers: readonly string[] = ['scripts/bundle.ts', 'tsconfig.json'];

/** The file that is loaded. */
export const bundle_entry = 'serve.mjs';
/** Written last: the bytes of every other file, by its name. */
export const bundle_list = 'files.json';

/** Where all bundles of an installation lie. */
export const bundlesDirectory = (root: string): string => join(root, ...place);

/** What the bundle of the sources and packages of `root` is called; undefined where npm did not install them, or elsewhere than there. */
export function bundleName(root: string): string | undefined {
  const packages = join(root, 'node_modules');
  const lock = join(packages, '.package-lock.json');
  if (!existsSync(lock) || realpathSync(packages) !== join(realpathSync(root), 'node_modules')) return undefined;
  // The bundle names its own places, so it is good for this root alone.
  const hash = createHash('sha256').update(root).update(readFileSync(lock));
  for (const file of sourcesOf(root)) hash.update(`\0${file}\0`).update(readFileSync(file));
  return hash.digest('hex').slice(0, 32);
}

/** The URL of the bundle of just these sources and packages, where it has been made and is whole. */
export function findBundle(root: string): string | undefined {
  const name = bundleName(root);
  if (name === undefined) return undefined;
  const directory = join(bundlesDirectory(root), name);
  return isWhole(directory) ? pathToFileURL(join(directory, bundle_entry)).href : undefined;
}

/** Whether every file that was written is there in its length. */
export function isWhole(directory: string): boolean {
  const list = join(directory, bundle_list);
  if (!existsSync(list)) return false;
  const files = JSON.parse(readFileSync(list, 'utf8')) as Readonly<Record<string, number>>;
  return Object.entries(files).every(([name, bytes]) => statSync(join(directory, name), { throwIfNoEntry: false })?.size === bytes);
}

/** Our files that a bundle may contain, or is made by. */
export function sourcesOf(root: string): readonly string[] {
  const walk = (folder: string): readonly string[] =>
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.name !== 'node_modules' && !(entry.isDirectory() && elsewhere.includes(entry.name)))
      .flatMap((entry) => (entry.isDirectory() ? walk(join(folder, entry.name)) : entry.isFile() ? [join(folder, entry.name)] : []));
  const files = ['contract', 'server'].flatMap((folder) => walk(join(root, folder)));
  const code = files.filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
  return [...code, ...makers.map((file) => join(root, file))].sort();
}
