import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type OutputOptions, type Plugin, rolldown } from 'rolldown';
import { bundle_entry, bundle_list, bundleName, bundlesDirectory, isWhole, sourcesOf } from '../server/bundle.ts';

// Makes the bundle of the server unless it is there, and removes those of other sources. Run before what starts a server.
const root = join(import.meta.dirname, '..');

/** Packages that do not survive it: their parts look for one another by path. */
const left_alone: readonly string[] = ['jsonc-parser'];

const isPackage = (id: string): boolean => id.includes(`${sep}node_modules${sep}`);

/** Our files speak of others by their own place, which the bundle does not have. */
const ownPlaces: Plugin = {
  name: 'own-places',
  transform: (code, id) => {
    if (isPackage(id) || !code.includes('import.meta.')) return null;
    const places = { 'import.meta.dirname': dirname(id), 'import.meta.url': pathToFileURL(id).href };
    // Nothing moves to another line, so what maps the code stays as good as it was.
    return { code: Object.entries(places).reduce((text, [name, value]) => text.replaceAll(name, () => JSON.stringify(value)), code), map: null };
  },
};

/** What is loaded when it is needed, and what cannot be bundled, stays with Node. */
const outside: Plugin = {
  name: 'outside',
  resolveId: async function (source, importer, { kind }) {
    if (source.startsWith('.') || source.startsWith('node:') || source.startsWith(root)) return null;
    if (kind !== 'dynamic-import' && !left_alone.includes(source)) return null;
    const found = await this.resolve(source, importer, { skipSelf: true });
    return found && { id: pathToFileURL(found.id).href, external: 'absolute' };
  },
};

const name = bundleName(root);
if (name === undefined) throw new Error('node_modules/.package-lock.json is missing: run npm ci in this folder');
const place = bundlesDirectory(root);
const made = join(place, name);
if (!isWhole(made)) await make(made);

async function make(wanted: string): Promise<void> {
  // Of two that make it at once, each has a folder of its own until it is whole.
  const draft = `${wanted}.${process.pid}`;
  try {
    mkdirSync(draft, { recursive: true });
    await write(draft);
    // What was changed meanwhile may be in it or not.
    if (bundleName(root) !== name) throw new Error('the sources changed while it was made');
    // One that was there is broken, or else of somebody who was quicker.
    if (!isWhole(wanted)) rmSync(wanted, { recursive: true, force: true });
    renameSync(draft, wanted);
  } catch (error) {
    if (!isWhole(wanted)) throw error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  for (const other of readdirSync(place)) if (other !== name) remove(join(place, other));
}

async function write(directory: string): Promise<void> {
  const input = { serve: join(root, 'server', 'serve.ts') };
  const bundle = await rolldown({ input, cwd: root, platform: 'node', plugins: [ownPlaces, outside], treeshake: false });
  // Positions are enough to name a file and a line; the sources themselves would double the maps.
  const options: OutputOptions = { dir: directory, format: 'esm', sourcemap: true, sourcemapExcludeSources: true };
  const { output } = await bundle.write({ ...options, entryFileNames: bundle_entry, chunkFileNames: '[name]-[hash].mjs' });
  await bundle.close();
  const known = new Set(sourcesOf(root));
  const modules = output.flatMap((part) => (part.type === 'chunk' ? part.moduleIds : []));
  const unknown = modules.filter((id) => id.startsWith(root) && !isPackage(id) && !known.has(id));
  if (unknown.length > 0) throw new Error(`the name of a bundle does not speak of ${unknown.join(', ')}`);
  const files = readdirSync(directory);
  for (const file of files) sync(join(directory, file));
  const list = join(directory, bundle_list);
  writeFileSync(list, JSON.stringify(Object.fromEntries(files.map((file) => [file, statSync(join(directory, file)).size]))));
  sync(list);
}

/** The machine may lose its power right after: a list without its files would be taken for a whole bundle. */
function sync(file: string): void {
  const descriptor = openSync(file, 'r+');
  fsyncSync(descriptor);
  closeSync(descriptor);
}

/** What another user made stays, and harms nobody. */
function remove(directory: string): void {
  try {
    rmSync(directory, { recursive: true, force: true });
  } catch (error) {
    console.error(`An older bundle stays: ${error instanceof Error ? error.message : String(error)}`);
  }
}
