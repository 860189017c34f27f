import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { Secret } from '../../kernel/secret.ts';
import { readPostmaster } from '../../platform/db/postmaster.ts';
import { type Running, start } from '../../testing/processes.ts';

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
  const launch = () => start(new URL('./database.process.ts', import.meta.url), [data_dir, JSON.stringify(settings)], {}, [], output_fd);
  let owner: Running = await launch();
  let given_up = 0;
  const { port } = owner;
  const home = join(data_dir, 'postgres');
  const password = readFileSync(join(home, 'password'), 'utf8').trim();
  const url = new Secret(`postgresql://heliu:${password}@127.0.0.1:${port}/${database_name}`);

  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url.expose(), connectionTimeoutMillis: 2_000, query_timeout: 5_000 });
    client.on('error', () => {});
    await client.connect();
    return client;
  };
  const answers = async (): Promise<boolean> => {
    try {
      const client = await connect();
      await client.query('select 1');
      await client.end();
      return true;
    } catch {
      return false;
    }
  };
  const answered = async (ms_max: number): Promise<boolean> => {
    const give_up_ms = performance.now() + ms_max;
    while (performance.now() < give_up_ms) {
      if (await answers()) return true;
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
  return {
    url,
    port,
    connect,
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
      const postmaster = await readPostmaster(join(home, 'cluster'));
      if (!postmaster) throw new Error('PostgreSQL is not there to be killed');
      const killed_ms = performance.now();
      process.kill(postmaster.pid, 'SIGKILL');
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
