import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type OutputOptions, type Plugin, rolldown } from 'rolldown';
import { bundle_entry, bundleName, bundlesDirectory } from '../server/bundle.ts';

// Makes the bundle of the server unless it is there, and removes those of other sources. Run before what starts a server.
const root = join(import.meta.dirname, '..');

/** Packages that do not survive it: their parts look for one another by path. */
const left_alone: readonly string[] = ['jsonc-parser'];

/** Our files speak of others by their own place, which the bundle does not have. */
const ownPlaces: Plugin = {
  name: 'own-places',
  transform: (code, id) => {
    if (id.includes(`${sep}node_modules${sep}`) || !code.includes('import.meta.')) return null;
    const places = { 'import.meta.dirname': dirname(id), 'import.meta.url': pathToFileURL(id).href };
    // Nothing moves to another line, so what maps the code stays as good as it was.
    return { code: Object.entries(places).reduce((text, [name, value]) => text.replaceAll(name, JSON.stringify(value)), code), map: null };
  },
};

/** What is loaded when it is needed, and what cannot be bundled, stays with Node. */
const outside: Plugin = {
  name: 'outside',
  resolveId: async function (source, importer, { kind }) {
    if (source.startsWith('.') || source.startsWith('node:') || source.startsWith(root)) return null;
    if (kind !== 'dynamic-import' && !left_alone.includes(source)) return null;
    const found = await this.resolve(source, importer, { skipSelf: true });
    return found && { id: found.id, external: 'absolute' };
  },
};

const name = bundleName(root);
if (name === undefined) throw new Error('node_modules/.package-lock.json is missing: run npm ci');
const place = bundlesDirectory(root);
if (!isMade()) await make();

function isMade(): boolean {
  return existsSync(join(place, `${name}`, bundle_entry));
}

async function make(): Promise<void> {
  // Of two that make it at once, each has a folder of its own until it is whole.
  const draft = join(place, `${name}.${process.pid}`);
  mkdirSync(draft, { recursive: true });
  const input = { serve: join(root, 'server', 'serve.ts') };
  const bundle = await rolldown({ input, cwd: root, platform: 'node', plugins: [ownPlaces, outside], treeshake: false });
  // Positions are enough to name a file and a line; the sources themselves would double the maps.
  const output: OutputOptions = { dir: draft, format: 'esm', sourcemap: true, sourcemapExcludeSources: true };
  await bundle.write({ ...output, entryFileNames: bundle_entry, chunkFileNames: '[name]-[hash].mjs' });
  await bundle.close();
  try {
    renameSync(draft, join(place, `${name}`));
  } catch (error) {
    if (!isMade()) throw error;
    rmSync(draft, { recursive: true });
  }
  for (const other of readdirSync(place)) if (!other.startsWith(`${name}`)) rmSync(join(place, other), { recursive: true, force: true });
}
