/**
 * Builds the package as it is published into `dist/`: JavaScript, declarations, README and a package.json of its own.
 * Inside the workspace nothing is built: others import `index.ts`, which Node runs as it is. Publish with `npm publish ./dist`.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const here = import.meta.dirname;
const dist = join(here, 'dist');
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');

rmSync(dist, { recursive: true, force: true });
const built = spawnSync(process.execPath, [tsc, '-p', join(here, 'tsconfig.build.json')], { stdio: ['ignore', 'inherit', 'inherit'] });
if (built.status !== 0) throw new Error('tsc failed');

// tsc rewrites `./x.ts` in JavaScript and leaves it in declarations, which not every reader of them follows.
for (const file of readdirSync(dist).filter((entry) => entry.endsWith('.d.ts'))) {
  const text = readFileSync(join(dist, file), 'utf8');
  writeFileSync(join(dist, file), text.replaceAll(/((?:from |import\()['"]\.\/[^'"]+)\.ts(?=['"])/g, '$1.js'));
}

const { name, version, description, license, type, engines } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
const published = {
  name,
  version,
  description,
  license,
  type,
  engines,
  sideEffects: false,
  exports: { '.': { types: './index.d.ts', default: './index.js' } },
};
writeFileSync(join(dist, 'package.json'), `${JSON.stringify(published, null, 2)}\n`);
copyFileSync(join(here, 'README.md'), join(dist, 'README.md'));
