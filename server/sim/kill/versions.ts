import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '..', '..', '..');
const parts = ['contract', 'server', 'web', 'package.json'] as const;
/** The tables that every payment writes. */
const hot = ['payments', 'attempts', 'refunds', 'events', 'deliveries'] as const;

/**
 * The program of a version that is newer than this one by so many migrations, in a directory of its own. Each migration adds
 * a column to the tables that are written most: what they return has another shape from then on.
 */
export async function newerVersion(folder: string, by: number): Promise<URL> {
  const directory = join(folder, `version-${by}`);
  await mkdir(directory);
  for (const part of parts) await cp(join(root, part), join(directory, part), { recursive: true, filter: (path) => basename(path) !== 'node_modules' });
  for (const place of ['.', ...parts]) {
    const installed = join(root, place, 'node_modules');
    if (existsSync(installed)) await symlink(installed, join(directory, place, 'node_modules'));
  }
  const migrations = join(directory, 'server', 'migrations');
  const known = (await readdir(migrations)).filter((name) => name.endsWith('.sql')).length;
  for (let nth = 1; nth <= by; nth++) {
    const name = `${String(known + nth).padStart(4, '0')}_next_version_${nth}.sql`;
    await writeFile(join(migrations, name), hot.map((table) => `alter table ${table} add column next_version_${nth} text;\n`).join(''));
  }
  return pathToFileURL(join(directory, 'server', 'main.ts'));
}

/** What a node says that finds a migration of a newer version. */
export const refusal = 'which this version of Heliu does not know: start the newer version';
