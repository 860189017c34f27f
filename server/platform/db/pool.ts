import pg from 'pg';
import type { Secret } from '../../kernel/secret.ts';
import type { Log } from '../log.ts';

/** One pool of connections, shared by typed queries and hot statements. */
export type PoolOptions = {
  readonly database_url: Secret;
  readonly pool_max: number;
  readonly log: Log;
  /** Shown by PostgreSQL beside each connection. */
  readonly application_name: string;
};

/** The longest single statement is a sweep's claim or a list page, milliseconds both; a longer one holds up a cashier. */
export const statement_timeout_ms = 10_000;
/** A row is locked for one statement or a short transaction. */
const lock_timeout_ms = 5_000;
/** Nothing waits for the world inside a transaction. */
const idle_in_transaction_timeout_ms = 10_000;
/** Waiting for a free connection counts into it, in the pool's line and in the one before it. */
export const connect_timeout_ms = 5_000;
const idle_timeout_ms = 60_000;

/** Settings that every connection of ours has, of the pool or alone. */
export const connectionSettings = (database_url: Secret): pg.ClientConfig => ({
  connectionString: database_url.expose(),
  types: { getTypeParser },
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
  connectionTimeoutMillis: connect_timeout_ms,
});

/** Connections are made when they are needed; a broken one is thrown away and the next query gets another. */
export function createPool(options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    ...connectionSettings(options.database_url),
    application_name: options.application_name,
    max: options.pool_max,
    idleTimeoutMillis: idle_timeout_ms,
    // One plan for a statement, whatever its values: claims and marks would otherwise be planned anew each time, which costs
    // more than running them (2026-11-22, PostgreSQL 18: 1.1 ms of planning for 0.3 ms of claim).
    // A row by its key is what nearly all of them want, and today's disks do not turn: the usual cost of a random page (4) has
    // small tables read whole.
    options: '-c plan_cache_mode=force_generic_plan -c random_page_cost=1.1',
    statement_timeout: statement_timeout_ms,
    lock_timeout: lock_timeout_ms,
    idle_in_transaction_session_timeout: idle_in_transaction_timeout_ms,
  });
  const lost = (error: Error) => options.log.warn({ error }, 'a database connection was lost');
  pool.on('error', lost);
  // The pool listens to a connection while it is idle. One that breaks between two statements of a transaction would
  // otherwise end the process with an unhandled 'error' event; the next statement on it fails with the reason.
  pool.on('connect', (client) => void client.on('error', () => {}));
  return pool;
}

/** Type numbers of PostgreSQL's catalogue. */
const oid = { int8: 20, text_array: 1009, int8_array: 1016, date: 1082, date_array: 1182 } as const;
const readInt8Array = (text: string): unknown[] => readTextArray(text).map((item) => (item === null ? null : BigInt(item)));
/** Text arrays are parsed by pg itself. */
const readTextArray = pg.types.getTypeParser(oid.text_array as Parameters<typeof pg.types.getTypeParser>[0] & number, 'text') as (
  text: string,
) => (string | null)[];

/** `bigint` arrives exact, and a `date` as its own text: a JavaScript Date would be an instant in some time zone. */
function getTypeParser(id: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (id === oid.int8) return BigInt;
  if (id === oid.int8_array) return readInt8Array;
  if (id === oid.date) return String;
  if (id === oid.date_array) return readTextArray;
  return pg.types.getTypeParser(id, format as 'text');
}
