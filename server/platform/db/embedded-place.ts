import { spawn } from 'node:child_process';
import { chown, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Rng, randomHex } from '../../kernel/rng.ts';
import { Secret } from '../../kernel/secret.ts';
import { type Binaries, findBinaries, NoBinaryError } from './embedded-binaries.ts';
import { type DatabaseUser, databaseUser, directoryArgument, reachableBinaries } from './embedded-user.ts';

/** Where an embedded database lives: `data_dir/postgres` with its cluster, password, port and log. */
export type Place = {
  readonly home: string;
  readonly cluster: string;
  readonly port_file: string;
  readonly log_file: string;
  readonly password: Secret;
  readonly user: DatabaseUser | undefined;
  readonly binaries: Binaries;
};

/** The one account of the database. */
export const database_role = 'heliu';

/** True when a database was made there at an earlier start. */
export const isInitialised = (data_dir: string): Promise<boolean> => exists(join(resolve(data_dir, 'postgres'), 'cluster', 'PG_VERSION'));

/**
 * Opens the place, and makes it at the first start, flushed to the disk if `durable`. Two processes may do so at once: both
 * end with the same one.
 */
export async function openPlace(data_dir: string, rng: Rng, durable: boolean): Promise<Place> {
  const home = resolve(data_dir, 'postgres');
  const cluster = join(home, 'cluster');
  await mkdir(data_dir, { recursive: true, mode: 0o700 });
  const user = await databaseUser(cluster);
  const binaries = await reachableBinaries(await findBinaries(), user);
  if (!(await isInitialised(data_dir))) await initialise(home, { binaries, user, durable }, rng);
  await requireVersion(cluster, binaries);
  const password = new Secret((await readFile(join(home, 'password'), 'utf8')).trim());
  return { home, cluster, port_file: join(home, 'port'), log_file: join(home, 'log'), password, user, binaries };
}

type Initialisation = Pick<Place, 'binaries' | 'user'> & { readonly durable: boolean };

/** Everything is made in a directory beside and takes its name in one step, so a crash or a second process leaves no half. */
async function initialise(home: string, how: Initialisation, rng: Rng): Promise<void> {
  await removeAbandoned(home);
  const fresh = `${home}.new-${process.pid}-${randomHex(rng, 4)}`;
  const cluster = join(fresh, 'cluster');
  await mkdir(cluster, { recursive: true, mode: 0o700 });
  await writeFile(join(fresh, 'password'), `${rng.bytes(24).toString('base64url')}\n`, { mode: 0o600 });
  if (how.user) for (const path of [fresh, cluster, join(fresh, 'password')]) await chown(path, how.user.uid, how.user.gid);
  try {
    await runInitdb(cluster, how);
    await syncDirectory(fresh);
    await rename(fresh, home);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    if (!(await exists(join(home, 'cluster', 'PG_VERSION')))) throw error;
  }
}

async function runInitdb(cluster: string, { binaries, user, durable }: Initialisation): Promise<void> {
  const settings = [
    `--username=${database_role}`,
    '--auth=scram-sha-256',
    '--pwfile=../password',
    // The password has 192 random bits: iterations protect guessable ones, and would cost at every connection.
    '--set=scram_iterations=1',
    '--encoding=UTF8',
    // The same on every system, byte-wise order, and no locale of the machine's needed.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--data-checksums',
    '--no-instructions',
    ...(durable ? [] : ['--no-sync']),
  ];
  const child = spawn(join(binaries.native, 'bin', 'initdb'), [`--pgdata=${directoryArgument(user, cluster)}`, ...settings], {
    ...user,
    cwd: cluster,
    env: programEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  const code = await new Promise<number | null>((done, failed) => {
    child.once('error', (error) => failed(new NoBinaryError('the embedded PostgreSQL does not run on this machine', error)));
    child.once('close', done);
  });
  // 127 and signals are the dynamic loader's: a C library that is not glibc, or a missing system library.
  if (code === 127 || code === null) throw new NoBinaryError(`the embedded PostgreSQL does not run on this machine: ${said.trim()}`);
  if (code !== 0) throw new Error(`initdb failed with code ${code}: ${said.trim()}`);
}

/** Nothing of our environment: PGDATA, PGPORT, LC_ALL and the like would be obeyed. */
export const programEnvironment = (): NodeJS.ProcessEnv => ({ PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' });

async function requireVersion(cluster: string, binaries: Binaries): Promise<void> {
  const stored = (await readFile(join(cluster, 'PG_VERSION'), 'utf8')).trim();
  const major = binaries.version.split('.')[0];
  if (stored === major) return;
  throw new Error(`${cluster} holds data of PostgreSQL ${stored}, and this version of Heliu brings ${major}: move them with pg_upgrade or pg_dump`);
}

const abandoned_ms = 3_600_000;

/** What a crash during an earlier first start has left; a younger one may be another process at work. */
async function removeAbandoned(home: string): Promise<void> {
  const parent = resolve(home, '..');
  for (const name of await readdir(parent)) {
    if (!name.startsWith('postgres.new-')) continue;
    const path = join(parent, name);
    const found = await stat(path).catch(() => undefined);
    const newest = await stat(parent);
    if (found && newest.mtimeMs - found.mtimeMs > abandoned_ms) await rm(path, { recursive: true, force: true });
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path);
  await handle.sync();
  await handle.close();
}

const exists = async (path: string): Promise<boolean> => (await stat(path).catch(() => undefined)) !== undefined;
