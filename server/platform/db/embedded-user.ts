import { execFile } from 'node:child_process';
import { cp, lstat, readFile, rename, rm, stat } from 'node:fs/promises';
import { platform, tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Binaries } from './embedded-binaries.ts';

/** Whom the database runs as. PostgreSQL refuses to run as root, so root lends it to another account of the machine. */
export type DatabaseUser = { readonly uid: number; readonly gid: number };

/** Undefined: as ourselves. Data that exist stay with the account that owns them. */
export async function databaseUser(cluster: string): Promise<DatabaseUser | undefined> {
  if (userInfo().uid !== 0) return undefined;
  if (platform() !== 'linux') throw new Error('the embedded PostgreSQL does not run as root on this system: start Heliu as an ordinary user');
  const owner = await stat(cluster).catch(() => undefined);
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const account = accounts.find(([name]) => name === 'postgres') ?? accounts.find(([name]) => name === 'nobody');
  if (account) return { uid: Number(account[2]), gid: Number(account[3]) };
  throw new Error('PostgreSQL refuses to run as root, and this machine has neither a user "postgres" nor "nobody": start Heliu as an ordinary user');
}

/**
 * How the database is told its directory. Another account may not be allowed to walk the path (a home directory, a data
 * directory of mode 0700), so it is started inside the directory and given the kernel's own link to it.
 */
export const directoryArgument = (user: DatabaseUser | undefined, directory: string): string => (user ? '/proc/self/cwd' : directory);

/** The programs where the account can reach them: in place, or copied once to the system's temporary directory. */
export async function reachableBinaries(binaries: Binaries, user: DatabaseUser | undefined): Promise<Binaries> {
  if (!user || (await everyoneMayEnter(binaries.native))) return binaries;
  const copy = join(tmpdir(), `heliu-postgresql-${binaries.version}`);
  await copyOnce(binaries.native, copy);
  return { ...binaries, native: copy };
}

/** True when any account may list the directory and walk every directory above it. */
async function everyoneMayEnter(path: string): Promise<boolean> {
  if (((await stat(path)).mode & 0o005) !== 0o005) return false;
  for (let current = path; dirname(current) !== current; current = dirname(current)) {
    if (((await stat(dirname(current))).mode & 0o001) === 0) return false;
  }
  return true;
}

async function copyOnce(from: string, to: string): Promise<void> {
  const existing = await lstat(to).catch(() => undefined);
  if (existing) {
    // Whoever may write there chooses what runs as the database.
    if (!existing.isDirectory() || existing.uid !== 0 || (existing.mode & 0o022) !== 0) throw new Error(`${to} was made by someone else: remove it`);
    return;
  }
  const fresh = `${to}.${process.pid}`;
  await cp(from, fresh, { recursive: true, verbatimSymlinks: true });
  await promisify(execFile)('chmod', ['-R', 'u+rwX,go+rX,go-w', fresh]);
  await rename(fresh, to).catch(async (error: unknown) => {
    await rm(fresh, { recursive: true, force: true });
    if (!(await lstat(to).catch(() => undefined))) throw error;
  });
}
