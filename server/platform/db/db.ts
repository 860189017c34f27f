import { Kysely, PostgresDialect } from 'kysely';
import type pg from 'pg';
import { db_pause_ms_min, db_pauses_forgiven_ms } from '../../kernel/limits.ts';
import type { Clock } from '../../kernel/time.ts';
import type { Metrics } from '../metrics.ts';
import { connect_timeout_ms, statement_timeout_ms } from './pool.ts';
import type { Tables } from './tables.gen.ts';

/**
 * The one door to PostgreSQL. `bigint` columns arrive as JavaScript bigint, `timestamptz` as Date, `jsonb` parsed,
 * `bytea` as Buffer. Every statement is counted (`heliu_db_statements_total`) and none is issued in a loop.
 */
export type Db = {
  /** Typed queries for everything that is not hot. */
  readonly kysely: Kysely<Tables>;
  /** One hot statement, prepared once per connection under `name`; the text of a name never varies. */
  readonly run: <Row>(statement: Statement, values: readonly unknown[]) => Promise<Row[]>;
  /** How long the hot statement that has waited longest for a connection has waited by now, without pauses of the whole database; 0 when none waits. */
  readonly waiting_ms: () => number;
  /** Closes the pool after the statements under way. */
  readonly close: () => Promise<void>;
};

export type Statement = {
  readonly name: string;
  readonly text: string;
  /**
   * It begins new work, and takes a connection only when nothing waits for one. What was begun is thus ended first: under
   * overload newcomers wait, and are refused at the door, instead of everyone.
   */
  readonly begins?: true;
};

/** A unique or check constraint that a statement ran into, by its name in the schema. */
export function violatedConstraint(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error) || !('constraint' in error)) return undefined;
  const { code, constraint } = error;
  return (code === '23505' || code === '23514') && typeof constraint === 'string' ? constraint : undefined;
}

type MonotonicClock = Pick<Clock, 'monotonic_ms'>;

/** The database over a pool of connections. How long statements wait is measured by `clock`; without one, they are held to wait for nothing. */
export function createDb(pool: pg.Pool, metrics: Metrics, clock: MonotonicClock = { monotonic_ms: () => 0 }): Db {
  // Kysely logs each statement that it sends, with the transactions' own begin and commit.
  const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }), log: () => metrics.count('heliu_db_statements_total') });
  const queue = createQueue(pool, clock);
  return {
    kysely,
    run: async (statement, values) => {
      if (statement.begins) await queue.pass();
      return runStatement(queue.connect, metrics, statement, values);
    },
    waiting_ms: queue.waiting_ms,
    // Kysely ends the pool that it was given.
    close: () => kysely.destroy(),
  };
}

type Connect = () => Promise<pg.PoolClient>;

type Queue = {
  /** Settles when a statement that begins new work may ask for a connection. */
  readonly pass: () => Promise<void>;
  readonly connect: Connect;
  readonly waiting_ms: () => number;
};

/** Where a statement stands in a line: since when, and how long the database had paused by then. */
type Place = { readonly since_ms: number; readonly paused_ms: number };

/** Both lines are served in the order in which statements come: first the pool's, then the one at the door. */
function createQueue(pool: pg.Pool, { monotonic_ms }: MonotonicClock): Queue {
  const connecting = new Set<Place>();
  const at_the_door = new Set<Place & { readonly enter: () => void; readonly refuse: (error: Error) => void }>();
  const pauses = watchPauses(pool, monotonic_ms);
  const isCrowded = () => pool.waitingCount > pool.idleCount;
  const newPlace = (): Place => ({ since_ms: monotonic_ms(), paused_ms: pauses.total_ms() });
  // Whoever has stood here as long as the pool would let one wait is sent away like the pool's own: its caller has gone, and
  // the times that it was going to write are no longer true.
  const sendAway = () => {
    for (const place of at_the_door) {
      if (monotonic_ms() - place.since_ms < connect_timeout_ms) return;
      at_the_door.delete(place);
      place.refuse(new Error(no_connection));
    }
  };
  // One at a time: who enters asks the pool, and what the pool gives lets the next one in. While it is crowded somebody will
  // get a connection and give it back, and no statement lasts (`answer_ms_max`): nobody stays at the door.
  const letIn = () => {
    sendAway();
    const [next] = at_the_door;
    if (!next || isCrowded()) return;
    at_the_door.delete(next);
    next.enter();
  };
  pool.on('release', letIn);
  return {
    pass: async () => {
      if (at_the_door.size > 0 || isCrowded()) await new Promise<void>((enter, refuse) => at_the_door.add({ ...newPlace(), enter, refuse }));
    },
    connect: async () => {
      const place = newPlace();
      connecting.add(place);
      try {
        return await pool.connect();
      } finally {
        connecting.delete(place);
        letIn();
      }
    },
    waiting_ms: () => {
      const [connects] = connecting;
      const [enters] = at_the_door;
      const first = connects && enters ? (connects.since_ms <= enters.since_ms ? connects : enters) : (connects ?? enters);
      if (!first) return 0;
      const waited_ms = monotonic_ms() - first.since_ms;
      return waited_ms - Math.min(waited_ms, pauses.total_ms() - first.paused_ms, db_pauses_forgiven_ms);
    },
  };
}

/** How long, all in all, no connection was given back although somebody may have wanted one. */
function watchPauses(pool: pg.Pool, monotonic_ms: () => number): { readonly total_ms: () => number } {
  let ended_ms = 0;
  let given_back_ms = monotonic_ms();
  const pause_ms = () => {
    const ms = monotonic_ms() - given_back_ms;
    return ms >= db_pause_ms_min ? ms : 0;
  };
  pool.on('release', () => {
    ended_ms += pause_ms();
    given_back_ms = monotonic_ms();
  });
  return { total_ms: () => ended_ms + pause_ms() };
}

async function runStatement<Row>(connect: Connect, metrics: Metrics, statement: Statement, values: readonly unknown[]): Promise<Row[]> {
  metrics.count('heliu_db_statements_total');
  try {
    return await runOn(await connect(), statement, values);
  } catch (error) {
    if (!isStalePlan(error)) throw error;
    // A migration changed a table under a prepared statement: PostgreSQL refused before it did anything.
    return await runOn(await connect(), statement, values);
  }
}

/**
 * The server ends a statement before; an answer that is not here by then never comes, because the server or the way to it is
 * gone without a word. The system would tell after a quarter of an hour, and all connections would be held until then.
 */
const answer_ms_max = statement_timeout_ms + 2_000;

/** The driver's own types do not name it yet. */
type Patient = pg.QueryConfig & { readonly query_timeout: number };

async function runOn<Row>(client: pg.PoolClient, statement: Statement, values: readonly unknown[]): Promise<Row[]> {
  try {
    const query: Patient = { name: statement.name, text: statement.text, values: values as unknown[], query_timeout: answer_ms_max };
    const result = await client.query(query);
    client.release();
    return result.rows as Row[];
  } catch (error) {
    // A statement that PostgreSQL refused leaves a sound connection; anything else does not say.
    client.release(isStalePlan(error) || !isServerError(error));
    throw error;
  }
}

/** Codes of the system that a socket to PostgreSQL fails with. */
const socket_codes = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EPIPE', 'ETIMEDOUT']);
/** As the pool says it. */
const no_connection = 'timeout exceeded when trying to connect';
/** What the driver says of a connection that it did not get, or lost; it gives these no code. */
const driver_words = /^(timeout exceeded when trying to connect|Connection terminated|Query read timeout|Client has encountered a connection error)/;

/**
 * The database is away, restarting, a standby, or has no connection left: nothing that the caller or this program did wrong. A change
 * that was under way may have been written.
 */
export function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  if (code === undefined) return driver_words.test(error.message);
  // 08 connection exception, 57P ended or starting up by an operator, 53300 too many connections, 25006 a standby.
  return socket_codes.has(code) || /^(08|57P)/.test(code) || code === '53300' || code === '25006';
}

/** An answer of the server, with its five-character code, that does not end the connection (class 57 may). */
const isServerError = (error: unknown): boolean => {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !/^(57P|08)/.test(code) && 'severity' in (error as object);
};

const isStalePlan = (error: unknown): boolean =>
  (error as { code?: unknown }).code === '0A000' && (error as { routine?: unknown }).routine === 'RevalidateCachedQuery';
