import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
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

/** The entry of a bundle. */
export const bundle_entry = 'serve.mjs';

/** Where all bundles of an installation lie. */
export const bundlesDirectory = (root: string): string => join(root, ...place);

/** What the bundle of the sources and packages of `root` is called; undefined where npm did not install them. */
export function bundleName(root: string): string | undefined {
  const lock = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(lock)) return undefined;
  // The bundle names its own places, so it is good for this root alone.
  const hash = createHash('sha256').update(root).update(readFileSync(lock));
  for (const file of sources(root)) hash.update(`\0${file}\0`).update(readFileSync(file));
  return hash.digest('hex').slice(0, 32);
}

/** The URL of the bundle of just these sources and packages, where it has been made. */
export function findBundle(root: string): string | undefined {
  const name = bundleName(root);
  if (name === undefined) return undefined;
  const entry = join(bundlesDirectory(root), name, bundle_entry);
  return existsSync(entry) ? pathToFileURL(entry).href : undefined;
}

function sources(root: string): readonly string[] {
  const walk = (folder: string): readonly string[] =>
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.name !== 'node_modules' && !(entry.isDirectory() && elsewhere.includes(entry.name)))
      .flatMap((entry) => (entry.isDirectory() ? walk(join(folder, entry.name)) : [join(folder, entry.name)]));
  const files = ['contract', 'server'].flatMap((folder) => walk(join(root, folder)));
  return files.filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts')).sort();
}
