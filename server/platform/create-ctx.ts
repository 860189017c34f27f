import type { Rng } from '../kernel/rng.ts';
import type { Secret } from '../kernel/secret.ts';
import type { Clock } from '../kernel/time.ts';
import { startChanges } from './changes.ts';
import { systemClock } from './clock.ts';
import type { Config } from './config.ts';
import type { Ctx } from './ctx.ts';
import { inBulk } from './db/bulk.ts';
import { createDb } from './db/db.ts';
import { startEmbedded } from './db/embedded.ts';
import { migrate } from './db/migrate.ts';
import { createPool } from './db/pool.ts';
import { type DatabaseTime, followDatabaseTime } from './db/time.ts';
import { createHttpOut } from './egress.ts';
import { createLog, type Log } from './log.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { systemRng } from './rng.ts';
import { openDataKeys } from './vault/data-keys.ts';
import { createVault } from './vault/vault.ts';

/** A node's ports, and how to give them back. */
export type Node = { readonly ctx: Ctx; readonly close: () => Promise<void> };

/** Builds every port of a node from its configuration: starts the embedded database if there is no other, and migrates it. */
export async function createCtx(config: Config): Promise<Node> {
  const log = createLog(config.log_level, systemClock);
  const server = config.database_url ? undefined : await startEmbedded({ data_dir: config.data_dir, clock: systemClock, rng: systemRng, log });
  const database_url = config.database_url ?? (server?.database_url as Secret);
  try {
    await migrate({ database_url, clock: systemClock, log });
    const node = await assembleCtx({
      config: { ...config, database_url },
      clock: systemClock,
      rng: systemRng,
      log,
      metrics: createMetrics({ process_metrics: true }),
      follow_database_time: true,
      connection_clock: systemClock,
    });
    return { ctx: node.ctx, close: () => closeAll([node.close, () => server?.stop()]) };
  } catch (error) {
    await server?.stop();
    throw error;
  }
}

/** What differs between a real node and one in a test. */
export type Ports = {
  readonly config: Config & { readonly database_url: Secret };
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly metrics: Metrics;
  /** The machine's clock may be wrong: the node's time is then the database's. A test's clock is its own. */
  readonly follow_database_time?: boolean;
  /**
   * Measures how long statements wait for a connection, by which newcomers are refused. Absent in a test: what it asks is
   * answered however slow its machine is.
   */
  readonly connection_clock?: Pick<Clock, 'monotonic_ms'>;
};

/** Builds the services over ports that are given, on a database that is migrated. */
export async function assembleCtx(ports: Ports): Promise<Node> {
  const { config, rng, log, metrics } = ports;
  const pool = createPool({ database_url: config.database_url, pool_max: config.database_pool_max, log, application_name: `heliu-${config.role}` });
  const db = createDb(pool, metrics, ports.connection_clock);
  // Sockets live in real time, also where a test sets the clock. This one is opened beside what the pool is asked: a start is mostly
  // waiting for the database.
  const listening = startChanges({ database_url: config.database_url, db, clock: systemClock, log });
  let time: DatabaseTime | undefined;
  try {
    time = ports.follow_database_time ? await followDatabaseTime({ db, clock: ports.clock, log }) : undefined;
    const clock = time?.clock ?? ports.clock;
    const vault = createVault(await openDataKeys({ db, clock, rng, master_key: config.master_key }), rng);
    const changes = await listening;
    const http = createHttpOut(config);
    const ctx: Ctx = { clock, rng, db, inBulk: (work) => inBulk(config.database_url, work), http, vault, changes, config, log, metrics };
    // What uses the database ends before it.
    return { ctx, close: () => closeAll([changes.close, http.close, () => time?.stop(), db.close]) };
  } catch (error) {
    await closeAll([async () => (await listening).close(), () => time?.stop(), db.close]).catch(() => {});
    throw error;
  }
}

/** In order, each one whatever became of the one before; the first error is told at the end. */
async function closeAll(steps: readonly (() => Promise<void> | undefined)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}
