import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { Secret } from '../../kernel/secret.ts';
import { readPostmaster } from '../../platform/db/postmaster.ts';
import { type Running, start } from '../../testing/processes.ts';
import { node_connections } from './heliu.ts';
import { type Member, promote, type StandbyOptions, startStandby } from './standby.ts';

/** PostgreSQL as a process of its own that can be killed, filled up and put to sleep. */
export type Database = {
  /** The way to it without a wire. */
  readonly url: Secret;
  readonly port: number;
  /**
   * Kills the postmaster, with `owner` the process that looks after it too, and waits until it answers again. Gives the
   * milliseconds that took: PostgreSQL's own recovery and its start.
   */
  readonly kill: (owner: boolean) => Promise<number>;
  readonly connect: () => Promise<pg.Client>;
  /** The statements one after the other, over again until all of them have succeeded: it may just be recovering. */
  readonly administer: (...statements: string[]) => Promise<void>;
  /**
   * Moves the database to a standby, and in the same way back: the primary is killed, the standby promoted, and the old primary
   * is there again before anybody is led to the new one. `lead` turns the nodes to a port, or to none. Resolves to how often
   * a node was found at an old primary.
   */
  readonly failOver: (lead: (ports: readonly number[]) => void, pause: () => Promise<unknown>) => Promise<number>;
  /** Why the disk cannot be filled, if it cannot. */
  readonly cannot_fill: string | undefined;
  /** Takes all room that is left on the database's disk; gives how to free it. It may have ended when it is freed. */
  readonly fill: () => Promise<() => Promise<void>>;
  /** How often the process that looks after it had to be started again because it had given up. */
  readonly given_up: () => number;
  readonly stop: () => Promise<void>;
};

export type DatabaseOptions = { readonly folder: string; readonly output_fd: number; readonly small_disk: boolean };

const database_name = 'heliu';
const small_disk_mb = 512;
const settings = {
  max_connections: '60',
  shared_buffers: '64MB',
  // A small disk must not fill by itself.
  max_wal_size: '128MB',
  min_wal_size: '32MB',
  checkpoint_timeout: '30s',
};
/** The program that looks after the database revives it at once, or not at all. */
const revival_ms_max = 20_000;
const recovery_ms_max = 120_000;

export async function openDatabase({ folder, output_fd, small_disk }: DatabaseOptions): Promise<Database> {
  const data_dir = join(folder, 'database');
  mkdirSync(data_dir);
  const cannot_fill = small_disk ? mount(data_dir) : 'not asked for';
  const launchIn = (directory: string, more: Readonly<Record<string, string>> = {}) =>
    start(new URL('./database.process.ts', import.meta.url), [directory, JSON.stringify({ ...settings, ...more })], {}, [], output_fd);
  const launch = () => launchIn(data_dir);
  let owner: Running = await launch();
  let given_up = 0;
  const { port } = owner;
  const password = readFileSync(join(data_dir, 'postgres', 'password'), 'utf8').trim();
  const urlOf = (at: number) => new Secret(`postgresql://heliu:${password}@127.0.0.1:${at}/${database_name}`);
  const url = urlOf(port);

  const connect = async (at = port): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: urlOf(at).expose(), connectionTimeoutMillis: 2_000, query_timeout: 5_000 });
    client.on('error', () => {});
    await client.connect();
    return client;
  };
  const answers = async (at = port): Promise<boolean> => {
    try {
      const client = await connect(at);
      await client.query('select 1');
      await client.end();
      return true;
    } catch {
      return false;
    }
  };
  const answered = async (ms_max: number, at = port): Promise<boolean> => {
    const give_up_ms = performance.now() + ms_max;
    while (performance.now() < give_up_ms) {
      if (await answers(at)) return true;
      await setTimeout(10);
    }
    return false;
  };
  const relaunch = async (): Promise<void> => {
    const give_up_ms = performance.now() + recovery_ms_max;
    for (;;) {
      try {
        owner = await launch();
        return;
      } catch (error) {
        if (performance.now() > give_up_ms) throw error;
        await setTimeout(100);
      }
    }
  };
  const endOwner = async (): Promise<void> => {
    const ended = new Promise((resolve) => owner.child.once('exit', resolve));
    owner.child.kill('SIGKILL');
    if (owner.child.exitCode === null && owner.child.signalCode === null) await ended;
  };
  /** Waits until it answers; one that nobody revives gets a new process to look after it. */
  const back = async (): Promise<void> => {
    if (await answered(revival_ms_max)) return;
    given_up += 1;
    await endOwner();
    await relaunch();
    if (!(await answered(recovery_ms_max))) throw new Error('PostgreSQL does not come back');
  };
  const killPostmaster = async (directory: string): Promise<void> => {
    const postmaster = await readPostmaster(join(directory, 'postgres', 'cluster'));
    if (!postmaster) throw new Error('PostgreSQL is not there to be killed');
    process.kill(postmaster.pid, 'SIGKILL');
  };
  /** From one member to a copy of it. Gives the copy, and how many connections of nodes the old one has when all is over. */
  const move = async (from: Member, to: Pick<StandbyOptions, 'data_dir' | 'port'>, lead: (ports: readonly number[]) => void, pause: () => Promise<unknown>) => {
    const primary = await connect(from.port);
    const standby = await startStandby({ primary, from, ...to, password, launch: launchIn });
    await pause();
    lead([]);
    await killPostmaster(from.data_dir);
    const next = await connect(standby.port);
    await promote(next);
    await next.end();
    if (!(await answered(recovery_ms_max, from.port))) throw new Error('the old primary does not come back');
    lead([standby.port]);
    await pause();
    const old = await connect(from.port);
    const { rowCount } = await old.query('select 1 from pg_stat_activity where starts_with(application_name, $1)', [node_connections]);
    await old.end();
    await from.owner.stop();
    return { standby, strays: rowCount ?? 0 };
  };
  return {
    url,
    port,
    connect: () => connect(),
    failOver: async (lead, pause) => {
      const elsewhere = join(folder, 'standby');
      const there = await move({ data_dir, owner, port }, { data_dir: elsewhere, port: undefined }, lead, pause);
      const back = await move(there.standby, { data_dir, port }, lead, pause);
      owner = back.standby.owner;
      if (back.standby.port !== port) throw new Error(`PostgreSQL came back on ${back.standby.port} instead of ${port}`);
      await rm(elsewhere, { recursive: true });
      return there.strays + back.strays;
    },
    administer: async (...statements) => {
      const give_up_ms = performance.now() + recovery_ms_max;
      for (;;) {
        try {
          const client = await connect();
          try {
            for (const statement of statements) await client.query(statement);
            return;
          } finally {
            await client.end();
          }
        } catch (error) {
          if (performance.now() > give_up_ms) throw error;
          await setTimeout(100);
        }
      }
    },
    kill: async (with_owner) => {
      const killed_ms = performance.now();
      await killPostmaster(data_dir);
      if (with_owner) {
        await endOwner();
        await relaunch();
      }
      await back();
      return performance.now() - killed_ms;
    },
    cannot_fill,
    fill: async () => {
      const filler = join(data_dir, 'filler');
      const piece = Buffer.alloc(1024 * 1024, 1);
      for (let size = piece.length; size >= 4096; size /= 2) {
        for (;;) {
          const written = await writeFile(filler, piece.subarray(0, size), { flag: 'a' }).then(
            () => true,
            () => false,
          );
          if (!written) break;
        }
      }
      return async () => {
        await rm(filler);
        await back();
      };
    },
    given_up: () => given_up,
    stop: async () => {
      if (owner.child.exitCode === null && owner.child.signalCode === null) await owner.stop();
      if (cannot_fill === undefined) unmount(data_dir);
    },
  };
}

/** Harmless when it was done before. */
const unmount = (directory: string): void => void spawnSync('umount', ['-l', directory]);

/** A disk of its own in memory, so that filling it hurts nobody else. Gives the reason where that is not allowed. */
function mount(directory: string): string | undefined {
  const { status, stderr, error } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${small_disk_mb}m`, 'tmpfs', directory]);
  if (status !== 0) return `a small disk cannot be mounted: ${error?.message ?? stderr.toString('utf8').trim()}`;
  chmodSync(directory, 0o700);
  process.once('exit', () => unmount(directory));
  return undefined;
}
