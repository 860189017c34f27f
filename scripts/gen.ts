import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { generated } from './generated.ts';

// Writes every generated file, or with --check says which are stale and fails.
const root = join(import.meta.dirname, '..');
const check = process.argv.includes('--check');
let stale = 0;
for (const { file, make } of generated) {
  const path = join(root, file);
  const wanted = await make();
  const found = await readFile(path, 'utf8').catch(() => undefined);
  if (found === wanted) continue;
  stale++;
  console.log(check ? `${file} is stale: run "npm run gen"` : `${file} written`);
  if (check) continue;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, wanted);
}
console.log(`${generated.length} generated files, ${stale} ${check ? 'stale' : 'written'}`);
process.exitCode = check && stale > 0 ? 1 : 0;
