import type pg from 'pg';
import type { Engine, Result } from './engine.ts';
import type { Faults } from './faults.ts';
import type { Sim } from './sim.ts';

/** The one database of a world, as its nodes' connections see it. */
export type Database = {
  /** A pool of connections of this node, as `pg` would give one. */
  readonly poolOf: (node: DatabaseClient) => pg.Pool;
  /** Runs a statement now, past every fault: for checks and for setting up. */
  readonly engine: Engine;
  /** A pool that is past every fault and every event, for checks. Only while `isFree`: all share one session. */
  readonly plainPool: () => pg.Pool;
  /** No transaction is open. */
  readonly isFree: () => boolean;
  /** Ends what a dead node had under way. */
  readonly drop: (node: DatabaseClient) => void;
  /** When the next row of this task is due; undefined when none is. */
  readonly dueOf: (task: string) => number | undefined;
  readonly onNews: (listener: (payload: string) => void) => void;
};

/** What a connection needs of the node that owns it. */
export type DatabaseClient = {
  readonly name: string;
  readonly reach: (point: string) => Fate;
  readonly later: (ms: number, name: string, run: () => unknown) => void;
  readonly crash: () => void;
  readonly isAlive: () => boolean;
  /** An answer that was planned to be lost is lost now. */
  readonly losesAnswer: () => void;
  /** Nothing of it happens for so long; another time of it may end later. */
  readonly pause: (ms: number) => void;
  readonly isPaused: () => boolean;
  /** The name of the statement whose answer is being given. */
  answered: (statement: string) => void;
};

/** What becomes of a node, or of an answer, at a yield point. */
export type Fate = 'go' | 'crash_before' | 'crash_after' | 'lose_answer';

/** `over`: whoever had it gave it back, or it was lost. */
type Connection = { readonly node: DatabaseClient; over: 'released' | 'lost' | undefined };
type Query = string | { readonly name?: string; readonly text: string; readonly values?: readonly unknown[] };

const writes = /\b(insert|update|delete)\b/i;
const begins = /^(begin|start transaction)/i;
const ends = /^(commit|rollback)\s*$/i;

/** Errors that were brought about here and are nobody's bug. */
const injected = new WeakSet<Error>();
const inject = (error: Error): Error => {
  injected.add(error);
  return error;
};
/** How far an error's causes are followed: real chains are two or three deep. */
const causes_max = 5;
/** Whether an error, or what caused it, is one that the world brought about. */
export function isInjected(error: unknown): boolean {
  for (let depth = 0, at = error; depth < causes_max && at instanceof Error; depth++, at = at.cause) if (injected.has(at)) return true;
  return false;
}

/** A server's refusal, in the driver's form. */
const serverError = (code: string, message: string): Error => inject(Object.assign(new Error(message), { code, severity: 'ERROR' }));
const lostConnection = (): Error => inject(Object.assign(new Error('Connection terminated unexpectedly'), { code: 'ECONNRESET' }));

/** When the first row of a task is due, and the tables, as a pattern, whose rows decide it. */
const dues: Readonly<Record<string, { readonly table: string; readonly first: string }>> = {
  attempts: { table: 'attempts', first: 'select min(next_query_at) from attempts' },
  payments: { table: 'payments', first: 'select min(next_close_at) from payments' },
  refunds: { table: 'refunds', first: 'select min(next_query_at) from refunds' },
  deliveries: { table: 'deliveries', first: 'select min(next_send_at) from deliveries' },
  statements: { table: 'statements', first: 'select min(next_make_at) from statements' },
  bills: { table: 'bill_days', first: 'select min(next_fetch_at) from bill_days' },
  channel_sessions: { table: 'channel_sessions', first: 'select min(renew_at) from channel_sessions' },
  bank_accounts: { table: 'bank_accounts', first: 'select min(next_look_at) from bank_accounts' },
  events: { table: 'events', first: 'select min(created_at) from events where sequence is null' },
  // Nobody waits for the books: a look for each event would write them one event at a time.
  ledger: {
    table: 'event_sequences|ledger_books',
    first: `select min(e.created_at) + interval '20 s' from event_sequences s
      left join ledger_books b on b.merchant_id = s.merchant_id and b.livemode = s.livemode
      join events e on e.merchant_id = s.merchant_id and e.livemode = s.livemode and e.sequence = coalesce(b.position, 0) + 1
      where s.last > coalesce(b.position, 0)`,
  },
};
/** Statements that claim due rows, as a yield point names them, and the rows that they claim. */
const tasks: Readonly<Record<string, string>> = {
  'db attempts_claim': 'attempts',
  'db payments_claim': 'payments',
  'db refunds_claim': 'refunds',
  'db deliveries_claim': 'deliveries',
  'db statements_claim': 'statements',
  'db bank_accounts_claim': 'bank_accounts',
  'db update bill_days d set tries = tries + 1, next_f': 'bills',
  'db update channel_sessions s set renew_at = $1, ask': 'channel_sessions',
};

/** Of claims that the fault would strike: a node that stands still does nothing else either. */
const held_up_share = 0.2;
/** Leases of due rows last from seconds to a minute (payments/schedule.ts). */
const held_up_s = { from: 20, to: 120 } as const;

export function createDatabase(sim: Pick<Sim, 'scheduler' | 'faults' | 'latency'>, engine: Engine): Database {
  const { faults, scheduler } = sim;
  let owner: Connection | undefined;
  /** Its transaction failed and is not over; all that it is asked then fails for the same reason. */
  let aborted: 'by fault' | 'by itself' | undefined;
  let waiting: (() => unknown)[] = [];
  /** By task, as far as it is known. */
  const due = new Map<string, number | undefined>();
  let hear: (payload: string) => void = () => {};
  /** By task and id, who claimed a row last. */
  const claimed_by = new Map<string, DatabaseClient>();

  /** A node may stand still with the rows that it has claimed until their lease is over: then two of them work on one row. */
  const claimed = (node: DatabaseClient, task: string, { rows }: Result): void => {
    if (rows.length === 0) return;
    for (const row of rows) {
      const id = row.id ?? row.p_id;
      if (id === undefined) continue;
      const key = `${task} ${id}`;
      const before = claimed_by.get(key);
      if (before && before !== node && before.isAlive() && before.isPaused()) faults.count('OF-10');
      claimed_by.set(key, node);
    }
    if (faults.rate('OF-10') > 0 && faults.dice('OF-10').chance(held_up_share) && faults.draw('OF-10'))
      node.pause(faults.dice('OF-10').between(held_up_s.from, held_up_s.to) * 1000);
  };

  const leave = (): void => {
    owner = undefined;
    aborted = undefined;
    const next = waiting;
    waiting = [];
    for (const go of next) go();
  };
  /** Ends the transaction of a connection that is gone. */
  const abandon = (connection: Connection, over: Connection['over']): void => {
    connection.over ??= over;
    if (owner !== connection) return;
    engine.query('rollback');
    due.clear();
    leave();
  };
  const execute = (connection: Connection, text: string, values: readonly unknown[], name: string | undefined): Result => {
    const result = engine.query(text, values, name);
    if (result.rows.length > 1 && isUnordered(text)) sortRows(result.rows);
    if (begins.test(text)) owner = connection;
    else if (ends.test(text)) leave();
    if (writes.test(text) && result.rowCount !== 0) for (const task of tasksOf(text)) due.delete(task);
    // What was undone had perhaps been looked at.
    if (/^rollback/i.test(text)) due.clear();
    for (const payload of owner ? [] : engine.takeNews()) hear(payload);
    return result;
  };
  /** What the server itself refuses. In a transaction that ends all of it. */
  const refusal = (text: string): Error | undefined => {
    if (!writes.test(text)) return undefined;
    const error = refusalOf(faults);
    if (error && owner) {
      try {
        engine.query('select 1 / 0');
      } catch {
        // The transaction is aborted now, as it would be.
        aborted = 'by fault';
      }
    }
    return error;
  };
  const run = (connection: Connection, point: string, text: string, values: readonly unknown[], name: string | undefined): Promise<Result> =>
    new Promise((resolve, reject) => {
      const { node } = connection;
      const fate = node.reach(point);
      const fail = (error: Error) => {
        abandon(connection, 'lost');
        reject(error);
      };
      const lose = () => {
        node.losesAnswer();
        fail(lostConnection());
      };
      const go = (): unknown => {
        if (!node.isAlive()) return undefined;
        // Whoever fails to claim sleeps like anybody else: it has not seen that nothing is due.
        node.answered('');
        if (owner && owner !== connection) return waiting.push(go);
        if (fate === 'crash_before') return node.crash();
        const is_commit = /^commit/i.test(text);
        const lost = faults.hit(is_commit ? 'OF-05' : 'OF-04');
        const is_after = lost && faults.dice('OF-04').chance(0.5);
        if (lost && !is_after) return fail(lostConnection());
        const refused = refusal(text);
        if (refused) return reject(refused);
        let result: Result;
        try {
          result = execute(connection, text, values, name);
        } catch (error) {
          if (aborted === 'by fault' && error instanceof Error) inject(error);
          // A commit that fails ends its transaction too.
          if (ends.test(text)) leave();
          else if (owner) aborted ??= 'by itself';
          if (fate === 'crash_after') return node.crash();
          return fate === 'lose_answer' ? lose() : reject(error);
        }
        scheduler.note('rows', node.name, point, `${result.rowCount} ${idsOf(result)}`);
        if (fate === 'crash_after') return node.crash();
        if (fate === 'lose_answer') return lose();
        if (is_after) return fail(lostConnection());
        const task = tasks[point];
        node.answered(task ?? '');
        if (task !== undefined) claimed(node, task, result);
        return resolve(result);
      };
      node.answered('');
      if (connection.over === 'lost') return reject(lostConnection());
      if (connection.over === 'released') return reject(new Error('a connection was used after it was given back'));
      const slow_ms = faults.hit('OF-07') ? faults.dice('OF-07').between(50, 400) : 0;
      node.later(sim.latency(2) + slow_ms, point, go);
    });

  return {
    engine,
    poolOf: (node) => {
      const connect = (): Promise<pg.PoolClient> => {
        if (faults.rate('OF-07') > 0 && faults.dice('OF-07').chance(0.05) && faults.hit('OF-07'))
          return Promise.reject(serverError('53300', 'sorry, too many clients already'));
        const connection: Connection = { node, over: undefined };
        const query = (config: Query, given: readonly unknown[] = []) => {
          const { name, text, values = given } = typeof config === 'string' ? { name: undefined, text: config } : config;
          return run(connection, `db ${name ?? nameOf(text)}`, text, values, name);
        };
        return Promise.resolve({ query, processID: 1, release: () => abandon(connection, 'released') } as unknown as pg.PoolClient);
      };
      return { connect, end: () => Promise.resolve(), on: () => {}, options: {} } as unknown as pg.Pool;
    },
    plainPool: () => {
      const query = (config: Query, given: readonly unknown[] = []) => {
        const { name, text, values = given } = typeof config === 'string' ? { name: undefined, text: config } : config;
        try {
          return Promise.resolve(engine.query(text, values, name));
        } catch (error) {
          return Promise.reject(error);
        }
      };
      const client = { query, processID: 1, release: () => {} } as unknown as pg.PoolClient;
      return { connect: () => Promise.resolve(client), end: () => Promise.resolve(), on: () => {}, options: {} } as unknown as pg.Pool;
    },
    isFree: () => owner === undefined,
    drop: (node) => {
      if (owner?.node === node) abandon(owner, 'lost');
    },
    dueOf: (task) => {
      // A transaction that failed answers nothing until it is over. A look that comes too early finds nothing.
      if (!due.has(task) && aborted) return 0;
      if (!due.has(task)) {
        const unknown = Object.keys(dues).filter((each) => !due.has(each));
        const [row] = engine.query(`select ${unknown.map((each) => `(${dues[each]?.first}) as ${each}`).join(', ')}`).rows;
        for (const each of unknown) due.set(each, (row?.[each] as Date | null)?.getTime());
      }
      return due.get(task);
    },
    onNews: (listener) => {
      hear = listener;
    },
  };
}

function refusalOf(faults: Faults): Error | undefined {
  if (faults.hit('OF-08'))
    return faults.dice('OF-08').chance(0.5)
      ? serverError('40001', 'could not serialize access due to concurrent update')
      : serverError('40P01', 'deadlock detected');
  if (faults.hit('OF-09')) return serverError('53100', 'could not extend file: No space left on device');
  if (faults.rate('OF-07') > 0 && faults.dice('OF-07').chance(0.2) && faults.hit('OF-07'))
    return serverError('25006', 'cannot execute INSERT in a read-only transaction');
  return undefined;
}

const written = new Map<string, readonly string[]>();
/** The tasks whose rows a statement may change: it has the name of their table in it. */
function tasksOf(text: string): readonly string[] {
  const known = written.get(text);
  if (known) return known;
  const tasks_of = Object.keys(dues).filter((task) => new RegExp(`\\b(${dues[task]?.table})\\b`).test(text));
  written.set(text, tasks_of);
  return tasks_of;
}

const unordered = new Map<string, boolean>();
/** Whether nobody has said in which order rows are to come: then it may be any, and depends on what this process did before. */
function isUnordered(text: string): boolean {
  const known = unordered.get(text);
  if (known !== undefined) return known;
  // What is ordered inside decides which rows are changed, and not in which order they are told.
  const is_unordered = /\breturning\b/i.test(text) || !/\border by\b/i.test(text);
  unordered.set(text, is_unordered);
  return is_unordered;
}

function sortRows(rows: Result['rows']): void {
  const keys = new Map(rows.map((row) => [row, Object.values(row).join('\n')]));
  const keyOf = (row: Result['rows'][number]): string => keys.get(row) ?? '';
  rows.sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
}

const names = new Map<string, string>();
/** The first words of a statement without a name. */
function nameOf(text: string): string {
  const known = names.get(text);
  if (known !== undefined) return known;
  const name = text.replace(/\s+/g, ' ').replaceAll('"', '').slice(0, 48).trim();
  names.set(text, name);
  return name;
}

/** Which rows an answer brought, by id, state and version. */
const idsOf = ({ rows }: Result): string =>
  rows.map((row) => `${row.id ?? row.p_id ?? ''}:${row.state ?? row.p_state ?? ''}:${row.version ?? row.p_version ?? ''}`).join();
