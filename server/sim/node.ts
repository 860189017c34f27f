import type { InjectOptions } from 'fastify';
import { sql } from 'kysely';
import { type App, createApp } from '../app.ts';
import type { Rng } from '../kernel/rng.ts';
import type { Secret } from '../kernel/secret.ts';
import type { Clock } from '../kernel/time.ts';
import type { Changes } from '../platform/changes.ts';
import type { Config } from '../platform/config.ts';
import type { Ctx } from '../platform/ctx.ts';
import { createDb } from '../platform/db/db.ts';
import { followDatabaseTime } from '../platform/db/time.ts';
import type { HttpOut } from '../platform/egress.ts';
import { createLog, type Log } from '../platform/log.ts';
import { createMetrics, type Metrics } from '../platform/metrics.ts';
import { openDataKeys } from '../platform/vault/data-keys.ts';
import { createVault } from '../platform/vault/vault.ts';
import { bulkOn } from './bulk.ts';
import { type DatabaseClient, type Fate, isInjected } from './database.ts';
import type { Network } from './network.ts';
import type { Sim } from './sim.ts';

/** An answer to a request over the virtual network. */
export type WireAnswer = { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: Buffer };
export type WireRequest = {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | undefined;
  /** Of a notification: it is an attacker's. */
  readonly is_forged?: boolean;
};

/** One node of Heliu on virtual ports: an object graph that can be thrown away. */
export type Node = DatabaseClient & {
  readonly ctx: Ctx;
  /** Serves a request; rejects when the node dies over it. */
  readonly serve: (request: WireRequest) => Promise<WireAnswer>;
  readonly skew: (ms: number) => void;
  /** Its connection for news breaks; what is announced until it notices is lost. */
  readonly loseNews: () => void;
  readonly hear: (payload: string) => void;
  /** Errors that it logged and answers of 5xx that it gave, apart from those that a fault of the world brought about. */
  readonly unexplained: readonly string[];
  /** Writes that the version of a payment refused, because another writer had been faster. */
  readonly staleWrites: () => number;
};

/** An error as a node logged it. */
type Logged = { readonly line: string; readonly operation: unknown; readonly request_id: unknown; readonly is_injected: boolean };

export type NodeOptions = {
  readonly sim: Sim;
  readonly network: Network;
  readonly name: string;
  readonly config: Config & { readonly database_url: Secret };
  /** Sees to it that it is started again. */
  readonly onCrash: (node: Node) => void;
};

/** The files whose sleeps are looks at whether there is something to do, and what they look for. */
const pollers: readonly (readonly [file: string, task: string])[] = [
  ['due/sweeper.ts', 'sweeper'],
  ['outbox/sequencer.ts', 'events'],
  ['ledger/projection/service.ts', 'ledger'],
  ['db/statistics.ts', 'statistics'],
  ['db/time.ts', 'time'],
  ['server/app.ts', 'house'],
  ['routing/health/service.ts', 'health'],
];

/** What makes a node refuse a notification that is not forged, which some channels are to be told by a 5xx: keys, clocks and another receiver. */
const refuses_notices = ['CF-12', 'CF-14', 'CF-15', 'CF-24', 'OF-12'] as const;

/** Starts a node on the world's database; it serves and sweeps when the promise resolves. */
export async function startNode({ sim, network, name, config, onCrash }: NodeOptions): Promise<Node> {
  const { scheduler, database } = sim;
  const errors: Logged[] = [];
  const unexplained: string[] = [];
  const losses = new Set<(error: Error) => void>();
  let alive = true;
  let paused_until_ms = 0;
  let skew_ms = 0;
  let claimed = '';
  /** Calls of channels that failed: a notification is not taken when the keys to verify it could not be fetched. */
  let calls_lost = 0;
  /** Forged notifications that are being judged. */
  let forgeries = 0;

  const later = (ms: number, what: string, run: () => void): void => {
    const go = (): void => {
      if (!alive) return;
      if (paused_until_ms > scheduler.now_ms()) later(paused_until_ms - scheduler.now_ms(), what, run);
      else run();
    };
    scheduler.after(ms, what, name, go);
  };
  const crash = (): void => {
    if (!alive) return;
    alive = false;
    sim.struck_ms ??= scheduler.now_ms();
    scheduler.note('crash', name, '', '');
    database.drop(node);
    for (const lose of losses) lose(new Error('connection reset by a node that died'));
    onCrash(node);
  };
  const client: DatabaseClient = {
    name,
    later,
    crash,
    reach: (point): Fate => {
      const fate = sim.reach(name, point);
      if (fate !== 'go' || sim.healed) return fate;
      if (!sim.numbering || !alive || !sim.faults.hit('OF-01')) return fate;
      return sim.faults.dice('OF-01').chance(0.5) ? 'crash_before' : 'crash_after';
    },
    isAlive: () => alive,
    pause: (ms) => {
      paused_until_ms = Math.max(paused_until_ms, scheduler.now_ms() + ms);
    },
    isPaused: () => paused_until_ms > scheduler.now_ms(),
    losesAnswer: () => {
      sim.struck_ms ??= scheduler.now_ms();
    },
    answered: (statement) => {
      claimed = statement;
    },
  };
  const machine: Clock = {
    now: () => new Date(scheduler.now_ms() + skew_ms),
    monotonic_ms: () => scheduler.now_ms(),
    sleep: (ms, signal) => {
      const task = pollTask(claimed);
      return new Promise((resolve) => {
        if (ms <= 0 || signal?.aborted) return resolve();
        const wake = () => {
          handle.cancelled = true;
          signal?.removeEventListener('abort', wake);
          if (paused_until_ms > scheduler.now_ms()) later(paused_until_ms - scheduler.now_ms(), 'wake', resolve);
          else if (alive) resolve();
        };
        const handle: { cancelled: boolean } = task === undefined ? scheduler.after(ms, 'sleep', name, wake) : scheduler.poll(ms, task, name, wake);
        signal?.addEventListener('abort', wake);
      });
    },
  };
  /** The story of a failure stands in the log under the id of its request, where it was judged. */
  const isTold = ({ headers }: WireAnswer): boolean => errors.some(({ request_id }) => request_id !== undefined && request_id === headers['request-id']);
  const isRefused = ({ url, is_forged }: WireRequest, calls_lost_before: number): boolean =>
    new URL(url).pathname.startsWith('/notify/') &&
    (is_forged === true || calls_lost > calls_lost_before || refuses_notices.some((id) => (sim.faults.counts.get(id) ?? 0) > 0));
  const rng: Rng = sim.dice(`node ${name} ${scheduler.now_ms()}`);
  const log = watchedLog(machine, (error) => {
    errors.push(error);
    // What was sealed for another account, and is sent to this one by whoever listens in, cannot be opened.
    if (!error.is_injected && !(forgeries > 0 && error.operation === 'notification.read')) unexplained.push(`${name} logged ${error.line}`);
  });
  const counted = createMetrics({ process_metrics: false });
  let stale_writes = 0;
  const metrics: Metrics = {
    ...counted,
    count: (name, labels, by) => {
      if (name === 'heliu_stale_writes_refused_total') stale_writes += by ?? 1;
      counted.count(name, labels, by);
    },
  };
  // The client is completed to the node below; connections are made only after that.
  const node = client as Node;
  const pool = database.poolOf(node);
  const db = createDb(pool, metrics);
  const { clock } = await followDatabaseTime({ db, clock: machine, log });
  const vault = createVault(await openDataKeys({ db, clock, rng, master_key: config.master_key }), rng);
  const changes = createChanges(db);
  const out = network.httpOf(node, config);
  const send: HttpOut['send'] = (request) =>
    out.send(request).catch((error: unknown) => {
      if (request.policy === 'channel') calls_lost += 1;
      throw error;
    });
  const http: HttpOut = { ...out, send };
  const ctx: Ctx = { clock, rng, db, inBulk: bulkOn(pool), http, vault, changes: changes.port, config, log, metrics };
  const app: App = await createApp(ctx);
  await app.http.fastify.ready();

  const serve = (request: WireRequest): Promise<WireAnswer> =>
    new Promise((resolve, reject) => {
      losses.add(reject);
      const { method, url, headers, body } = request;
      const { pathname, search } = new URL(url);
      const calls_lost_before = calls_lost;
      if (request.is_forged) forgeries += 1;
      const injected: InjectOptions = {
        method,
        url: pathname + search,
        headers: { ...headers },
        remoteAddress: '127.0.0.1',
        ...(body === undefined ? {} : { payload: body }),
      };
      const answered = (answer: WireAnswer) => {
        if (request.is_forged) forgeries -= 1;
        if (answer.status >= 500 && !isTold(answer) && !isRefused(request, calls_lost_before))
          unexplained.push(`${name} answered ${pathname} with ${answer.status} and logged nothing: ${answer.body}`);
        const fate = node.reach(`reply ${method} ${pathname.split('/')[1]}`);
        if (!alive) return;
        scheduler.note('reply', name, pathname, String(answer.status));
        if (fate === 'lose_answer') node.losesAnswer();
        if (fate === 'crash_before' || fate === 'lose_answer') {
          losses.delete(reject);
          reject(new Error('the answer was lost'));
        } else {
          losses.delete(reject);
          resolve(answer);
        }
        if (fate === 'crash_before' || fate === 'crash_after') crash();
      };
      later(0, `serve ${method} ${pathname.split('/').slice(1, 3).join('/')}`, () => {
        app.http.fastify.inject(injected).then(
          ({ statusCode, headers: given, rawPayload }) => answered({ status: statusCode, headers: flat(given), body: rawPayload }),
          (error: Error) => {
            losses.delete(reject);
            reject(error);
          },
        );
      });
    });
  Object.assign(client, {
    ctx,
    serve,
    skew: (ms: number) => {
      skew_ms = ms;
    },
    loseNews: () => changes.lose(later),
    hear: changes.hear,
    unexplained,
    staleWrites: () => stale_writes,
  });
  app.work();
  return node;
}

/** Whether a sleep is a look of a poller, told by who sleeps. */
function pollTask(claimed: string): string | undefined {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = 5;
  const { stack = '' } = new Error();
  Error.stackTraceLimit = before;
  for (const [file, task] of pollers) if (stack.includes(file)) return task === 'sweeper' ? claimed : task;
  return undefined;
}

const flat = (headers: NodeJS.Dict<number | string | string[]>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : String(value)]));

/** A log that tells of errors. */
function watchedLog(clock: Clock, tell: (error: Logged) => void): Log {
  let line = '';
  const write = (text: string): void => {
    line = text.trim();
  };
  const watch = (log: Log): Log => ({
    ...log,
    error: (fields, message) => {
      log.error(fields, message);
      tell({ line, operation: fields.operation, request_id: fields.request_id, is_injected: isInjected(fields.error) });
    },
    child: (fields) => watch(log.child(fields)),
  });
  return watch(createLog('error', clock, { write }));
}

/** How long a dead connection for news goes unnoticed, and how long it takes to have another. */
const notice_ms_max = 800;
const reconnect_ms = 300;

/** News between nodes: announced through the database, heard from the world. */
function createChanges(db: Ctx['db']) {
  const listeners = new Map<string, ((id: string) => void)[]>();
  const resets: (() => void)[] = [];
  let connected = true;
  let deaf = false;
  const port: Changes = {
    on: (topic, listener) => void listeners.set(topic, [...(listeners.get(topic) ?? []), listener]),
    onReset: (listener) => void resets.push(listener),
    connected: () => connected,
    announce: async (topic, id, within = db.kysely) => {
      await sql`select pg_notify('heliu_changes', ${`${topic}:${id}`})`.execute(within);
    },
  };
  return {
    port,
    hear: (payload: string) => {
      if (deaf) return;
      const [topic = '', id = ''] = payload.split(':', 2);
      for (const listener of listeners.get(topic) ?? []) listener(id);
    },
    lose: (later: DatabaseClient['later']) => {
      deaf = true;
      later(notice_ms_max, 'news are missed', () => {
        connected = false;
        later(reconnect_ms, 'news are back', () => {
          for (const reset of resets) reset();
          deaf = false;
          connected = true;
        });
      });
    },
  };
}
