import { execFile } from 'node:child_process';
import { readFile, readlink, realpath, writeFile } from 'node:fs/promises';
import { platform } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** What `postmaster.pid` says: PostgreSQL's own lock file, written when it starts and removed when it has stopped. */
export type Postmaster = { readonly pid: number; readonly port: number; readonly ready: boolean };

/** Undefined when there is no lock file, or one that is just being written. */
export async function readPostmaster(cluster: string): Promise<Postmaster | undefined> {
  const text = await readFile(lockFile(cluster), 'utf8').catch(() => '');
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return { pid, port: Number(lines[3] ?? 0), ready: lines[7]?.trim() === 'ready' };
}

/**
 * Is that process really the database of this directory? After a power cut the lock file is still there, and its number may
 * belong to any program by now; PostgreSQL itself would then refuse to start.
 */
export async function isPostmasterOf(cluster: string, pid: number): Promise<boolean> {
  if (!(await isAlive(pid))) return false;
  if (platform() === 'linux') {
    const program = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '');
    return program.trim() === 'postgres' && cwd === (await realpath(cluster));
  }
  const command = await commandOf(pid);
  return command.includes('postgres') && command.includes(cluster);
}

/** The process of ours that started the database is named in its command line, which PostgreSQL keeps beside the lock file. */
export const ownerArgument = (pid: number): string => `cluster_name=heliu-${pid}`;

/** True while the process that started the database lives; it stops the database when it ends. */
export async function ownerIsAlive(cluster: string): Promise<boolean> {
  const text = await readFile(join(cluster, 'postmaster.opts'), 'utf8').catch(() => '');
  const owner = /cluster_name=heliu-(\d+)/.exec(text)?.[1];
  return owner !== undefined && (await isAlive(Number(owner)));
}

/** A process that has ended and was not yet collected by its parent does not count. */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  if (platform() !== 'linux') return true;
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // "pid (program) state …", where the program's name may hold anything.
  return !/\) [ZX] /.test(text.slice(text.lastIndexOf(')')));
}

async function commandOf(pid: number): Promise<string> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
  return stdout;
}

/** No system gives this number to a process. */
const impossible_pid = 2 ** 31 - 1;

/**
 * Marks a lock file as left behind although some other program has its number by now. It is not removed: with a dead number
 * in it PostgreSQL still does its own check that no old worker holds the shared memory.
 */
export async function disown(cluster: string): Promise<void> {
  const text = await readFile(lockFile(cluster), 'utf8');
  await writeFile(lockFile(cluster), text.replace(/^\d+/, String(impossible_pid)));
}

const lockFile = (cluster: string): string => join(cluster, 'postmaster.pid');
