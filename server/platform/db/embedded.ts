import { type ChildProcess, spawn } from 'node:child_process';
import { open, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import pg from 'pg';
import type { Rng } from '../../kernel/rng.ts';
import { Secret } from '../../kernel/secret.ts';
import type { Clock } from '../../kernel/time.ts';
import type { Log } from '../log.ts';
import { database_role, isInitialised, openPlace, type Place, programEnvironment } from './embedded-place.ts';
import { directoryArgument } from './embedded-user.ts';
import { disown, isAlive, isPostmasterOf, ownerArgument, ownerIsAlive, readPostmaster } from './postmaster.ts';

/**
 * A real PostgreSQL of our own, for an installation that has none: its data stay in `data_dir/postgres` between runs. It
 * listens on 127.0.0.1 only, with a random password that is kept beside the data.
 */
export type EmbeddedOptions = {
  readonly data_dir: string;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  /** Server settings over the ones below, for tests and measurements. */
  readonly settings?: Readonly<Record<string, string>>;
};
export type Embedded = {
  readonly database_url: Secret;
  readonly port: number;
  /** False when the server belongs to another process of ours that was there first. */
  readonly owned: boolean;
  /** Stops the server cleanly if it is ours. It also stops by itself when this process ends in any way. */
  stop(): Promise<void>;
};

/** Recovery after a power cut reads up to max_wal_size: seconds on a disk, minutes on a poor one. */
const start_ms_max = 120_000;
/** A fast shutdown ends with a checkpoint. After that the server is told to stop without one, and recovers at the next start. */
const stop_ms_max = 60_000;
const poll_ms = 20;
const log_bytes_max = 10 * 1024 * 1024;
/** A server that dies again and again has a reason that its log tells; starting it once more helps nobody. */
const revivals_max = 5;
/** One that was up for so long has not died again and again. */
const settled_ms = 60_000;
/** Before it is tried once more when it did not come up: the last children of a server that was killed hold its memory for a moment, a full disk is cleared in minutes. */
const revival_pauses_ms = [100, 500, 2_000, 10_000, 30_000];
const database = 'heliu';

const default_settings: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '256MB',
  // Checkpoints are what makes latency uneven; a disk can spare the room.
  max_wal_size: '2GB',
  // Compiling pays for analysis; every statement of ours is short.
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** Starts the database of the directory, or joins the one that another process has started. */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const place = await openPlace(options.data_dir, options.rng, options.settings?.fsync !== 'off');
  return (await joinRunning(place, options)) ?? (await own(place, options));
}

/** The database of the directory if one runs there now, without starting anything. */
export async function findEmbedded(options: EmbeddedOptions): Promise<Embedded | undefined> {
  if (!(await isInitialised(options.data_dir))) return undefined;
  const place = await openPlace(options.data_dir, options.rng, options.settings?.fsync !== 'off');
  const found = await readPostmaster(place.cluster);
  if (!found?.ready || !(await isPostmasterOf(place.cluster, found.pid)) || !(await ownerIsAlive(place.cluster))) return undefined;
  return joined(place, found.port);
}

async function joined(place: Place, port: number): Promise<Embedded> {
  await createDatabase(place, port);
  return { database_url: databaseUrl(place, port, database), port, owned: false, stop: async () => {} };
}

type Running = { readonly child: ChildProcess; readonly pid: number; readonly port: number; readonly exited: Promise<void> };

async function own(place: Place, options: EmbeddedOptions): Promise<Embedded> {
  let running = await launch(place, options);
  if (!running) return startEmbedded(options);
  const { port } = running;
  const stopping = new AbortController();
  let revivals = 0;
  let up_since_ms = options.clock.monotonic_ms();
  let reviving: Promise<void> | undefined;
  const revive = async (): Promise<void> => {
    if (stopping.signal.aborted) return;
    if (options.clock.monotonic_ms() - up_since_ms > settled_ms) revivals = 0;
    options.log.error({ revivals }, 'the embedded PostgreSQL ended by itself');
    if (++revivals > revivals_max) return;
    for (let tries = 0; !stopping.signal.aborted; tries++) {
      try {
        running = (await launch(place, options, port)) ?? running;
        up_since_ms = options.clock.monotonic_ms();
        return watch();
      } catch (error) {
        options.log.error({ tries, error: error as Error }, 'the embedded PostgreSQL did not come up again and is tried once more');
        await options.clock.sleep(revival_pauses_ms[Math.min(tries, revival_pauses_ms.length - 1)] as number, stopping.signal);
      }
    }
  };
  const watch = (): void => {
    void running?.exited.then(() => {
      reviving = revive();
    });
  };
  watch();
  await createDatabase(place, port);
  return {
    database_url: databaseUrl(place, port, database),
    port,
    owned: true,
    stop: async () => {
      stopping.abort();
      await reviving;
      if (running) await shutDown(running, options.clock);
    },
  };
}

/** Undefined when nothing runs there, or nothing that may be joined. */
async function joinRunning(place: Place, options: EmbeddedOptions): Promise<Embedded | undefined> {
  const give_up_ms = options.clock.monotonic_ms() + start_ms_max;
  let told = false;
  while (options.clock.monotonic_ms() < give_up_ms) {
    const found = await readPostmaster(place.cluster);
    if (!found) return undefined;
    if (!(await isPostmasterOf(place.cluster, found.pid))) {
      if (await isAlive(found.pid)) await disown(place.cluster);
      return undefined;
    }
    if (found.ready && (await ownerIsAlive(place.cluster))) return joined(place, found.port);
    // Whoever started it is gone, and it stops by itself or was left behind. The next one is ours.
    if (found.ready && !told) {
      options.log.warn({ pid: found.pid }, 'stopping an embedded PostgreSQL whose owner is gone');
      process.kill(found.pid, 'SIGINT');
      told = true;
    }
    await options.clock.sleep(poll_ms);
  }
  throw new Error(`the embedded PostgreSQL in ${place.home} neither became ready nor stopped in ${start_ms_max / 1000} s: see ${place.log_file}`);
}

/**
 * The shell stands between so that the database ends cleanly however we end: file descriptor 3 is closed when this process
 * stops, crashes or is killed. The signals of a terminal or a service manager go to every process of a group, and would stop
 * the database before we have drained; the shell ignores them, and it has a session of its own.
 */
const keeper = `trap '' HUP INT TERM
"$@" 3<&- & database=$!
echo $database >&3
( read -r _ <&3; kill -INT $database ) & watcher=$!
wait $database; code=$?
kill -KILL $watcher 2>/dev/null
exit $code`;

/** Starts the server on its port of last time, or a free one. Undefined when another process was faster. */
async function launch(place: Place, options: EmbeddedOptions, only_port?: number): Promise<Running | undefined> {
  let port = only_port ?? (await rememberedPort(place)) ?? (await freePort());
  for (let turn = 0; turn < 20; turn++) {
    const result = await tryLaunch(place, options, port);
    if (typeof result === 'object') {
      await writeFile(place.port_file, `${port}\n`);
      return result;
    }
    if (result === 'started_by_another') return undefined;
    if (only_port === undefined) port = await freePort();
    else await options.clock.sleep(500);
  }
  throw new Error(`the embedded PostgreSQL found no port that it may use: see ${place.log_file}`);
}

async function tryLaunch(place: Place, options: EmbeddedOptions, port: number): Promise<Running | 'port_busy' | 'started_by_another'> {
  const log = await openLog(place);
  const settings = { ...default_settings, ...options.settings };
  const server = [join(place.binaries.native, 'bin', 'postgres'), '-D', directoryArgument(place.user, place.cluster), '-p', String(port)];
  for (const [name, value] of Object.entries(settings)) server.push('-c', `${name}=${value}`);
  server.push('-c', ownerArgument(process.pid));
  const child = spawn('/bin/sh', ['-c', keeper, 'sh', ...server], {
    ...place.user,
    cwd: place.cluster,
    env: programEnvironment(),
    detached: true,
    stdio: ['ignore', log.handle.fd, log.handle.fd, 'pipe'],
  });
  let ended = false;
  const exited = new Promise<void>((resolve) => {
    const end = () => {
      ended = true;
      resolve();
    };
    child.once('error', end);
    child.once('exit', end);
  });
  const pid = await readPid(child, exited);
  await log.handle.close();
  const give_up_ms = options.clock.monotonic_ms() + start_ms_max;
  while (!ended && options.clock.monotonic_ms() < give_up_ms) {
    const found = await readPostmaster(place.cluster);
    if (found?.pid === pid && found.ready) return { child, pid, port, exited };
    await options.clock.sleep(poll_ms);
  }
  const said = (await readFile(place.log_file)).subarray(log.offset).toString('utf8').trim();
  if (said.includes('lock file "postmaster.pid" already exists')) return 'started_by_another';
  if (said.includes('could not create any TCP/IP sockets')) return 'port_busy';
  channelOf(child).destroy();
  throw new Error(`the embedded PostgreSQL did not start:\n${said}`);
}

/** The keeper says the number of the server's process. Zero when it could not be started. */
function readPid(child: ChildProcess, exited: Promise<void>): Promise<number> {
  const said = new Promise<number>((resolve) => {
    channelOf(child).once('data', (chunk: Buffer) => resolve(Number(chunk.toString('utf8').trim())));
  });
  return Promise.race([said, exited.then(() => 0)]);
}

const channelOf = (child: ChildProcess): Duplex => child.stdio[3] as Duplex;

async function shutDown(running: Running, clock: Clock): Promise<void> {
  channelOf(running.child).end();
  const late = new AbortController();
  const waited = clock.sleep(stop_ms_max, late.signal).then(() => !late.signal.aborted && process.kill(running.pid, 'SIGQUIT'));
  await running.exited;
  late.abort();
  await waited;
  channelOf(running.child).destroy();
}

async function createDatabase(place: Place, port: number): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl(place, port, 'postgres').expose(), connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [database]);
    if (rowCount === 0) await client.query(`create database ${database}`);
  } catch (error) {
    // Another process was faster (duplicate_database, or the unique index of the catalogue).
    if (!['42P04', '23505'].includes((error as { code?: string }).code ?? '')) throw error;
  } finally {
    await client.end();
  }
}

const databaseUrl = (place: Place, port: number, name: string): Secret =>
  new Secret(`postgresql://${database_role}:${place.password.expose()}@127.0.0.1:${port}/${name}`);

async function rememberedPort(place: Place): Promise<number | undefined> {
  const port = Number(await readFile(place.port_file, 'utf8').catch(() => ''));
  return Number.isInteger(port) && port > 0 && port < 65536 ? port : undefined;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

async function openLog(place: Place) {
  const size = (await stat(place.log_file).catch(() => undefined))?.size ?? 0;
  if (size > log_bytes_max) await rename(place.log_file, `${place.log_file}.old`);
  return { handle: await open(place.log_file, 'a', 0o600), offset: size > log_bytes_max ? 0 : size };
}
