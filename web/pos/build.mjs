// Builds the till once: what it is made of is hashed, and a build of the same is kept. Looking costs some milliseconds.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const stamp = join(here, 'dist', '.built-from');

/** Everything that the build reads: our files, and the versions of all packages. */
function contentHash() {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')));
  const files = ['index.html', 'vite.config.ts', 'package.json'];
  for (const folder of ['src', 'public']) files.push(...readdirSync(join(here, folder)).map((name) => `${folder}/${name}`));
  for (const file of files.sort()) hash.update(`\0${file}\0`).update(readFileSync(join(here, file)));
  return hash.digest('hex');
}

/** Makes `dist` unless it is there already; says what went wrong, undefined when nothing did. */
export function buildPos(node = process.execPath) {
  const wanted = contentHash();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return undefined;
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const result = spawnSync(node, [vite, 'build', '--logLevel', 'warn'], { cwd: here, encoding: 'utf8' });
  if (result.status !== 0) return `${result.stdout ?? ''}${result.stderr ?? ''}` || 'vite could not be started';
  writeFileSync(stamp, wanted);
  return undefined;
}
