import { closeSync, fstatSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Fault } from '../channels/kit/simulator.ts';
import { freePort } from '../testing/installation.ts';
import type { Running } from '../testing/processes.ts';
import { type Fit, fitSlope, judgeSlope, type Point } from './linear-fit.ts';
import { closedLoop, percentile } from './load.ts';
import { type Outcome, offer, type Wish } from './offer.ts';
import { check } from './payments.ts';
import { inject, openStand, type Stand, verifyBooks } from './stand.ts';
import { heapAfterGcMb, readHeliu, rssMb } from './watch.ts';

export type SoakBenchOptions = { readonly minutes: number; readonly payers: number; readonly say: (line: string) => void };

const warm_up_s = 15;
const peak_s = 15;
const load_share = 0.4;
const look_ms = 5_000;
const restart_minutes = 10;
/** A shorter run is one life of the process. A longer one is that for its first half, and restarts in the second. */
const minutes_with_restarts = 20;
/** After the load: webhooks that failed come again within two minutes, and a call without an answer is asked about. */
const drain_s = 150;
/** Of this many webhooks the receiver fails one. */
const fail_every = 20;

/** CF-01, CF-05, CF-06, CF-07, CF-09: each befalls one payment of a hundred. */
const faults: Readonly<Record<string, Fault>> = {
  answer_lost: { kind: 'drop_after', on: 'pay' },
  server_error: { kind: 'server_error', on: 'pay' },
  timeout: { kind: 'slow', on: 'pay', ms: 12_000 },
  notified_twice: { kind: 'notify_twice', times: 2 },
  notified_late: { kind: 'notify_delayed', ms: 3_000 },
};
const fault_share = 0.01;

/** Pass or fail; the figures behind them are in the result. */
const targets = {
  rss_mb_per_h_max: 1,
  rss_hours_min: 0.4,
  heap_growth_max: 0.05,
  handles_more_max: 10,
  event_loop_p99_ms_max: 20,
  oldest_transaction_s_max: 300,
  log_bytes_drift_max: 0.1,
} as const;

/** What the database is asked at each look. */
type Look = {
  readonly at_s: number;
  readonly oldest_transaction_s: number;
  readonly dead: Readonly<Record<string, number>>;
  readonly live: Readonly<Record<string, number>>;
};

/** Hours of payments at two fifths of the peak while things go wrong all the time: whether anything grows, stays open or is lost. */
export async function benchSoak({ minutes, payers, say }: SoakBenchOptions) {
  const stand = await openStand({ HELIU_LOG_LEVEL: 'info' });
  const log_fd = openSync(join(stand.folder, 'heliu.log'), 'a', 0o600);
  const node = await aNode(stand, log_fd);
  const books = new pg.Client({ connectionString: stand.database_url, application_name: 'heliu-bench' });
  try {
    await books.connect();
    const { heliu_url, simulators_url, api_key, receiver } = stand.installation;
    const acknowledged = await stand.installation.listen();
    say('warming up');
    const target = { heliu: heliu_url, simulators: simulators_url, api_key, acknowledged: acknowledged.of };
    await closedLoop(target, payers, warm_up_s);
    const closed = await closedLoop(target, payers, peak_s);
    const peak = closed.samples.length / closed.seconds;
    const per_second = peak * load_share;
    receiver.child.send({ fail_every });
    await delay(look_ms);
    const first = await node.rest();
    await readHeliu(heliu_url);

    say(`${per_second.toFixed(1)} payments/s for ${minutes} minutes`);
    const injected: Record<string, number> = Object.fromEntries(Object.keys(faults).map((name) => [name, 0]));
    const tally = { sent: 0, paid: 0, refused: 0, open: 0, untold: 0, failed: 0 };
    const failures = new Map<string, number>();
    const creates: number[] = [];
    const started_ms = performance.now();
    const elapsed_s = () => (performance.now() - started_ms) / 1000;
    const log_bytes: { payments: number; bytes: number }[] = [{ payments: 0, bytes: fstatSync(log_fd).size }];
    const rss: Point[] = [];
    const event_loop_p99_ms: number[] = [];
    const looks: Look[] = [];
    let loading = true;
    const restarts = minutes >= minutes_with_restarts;
    /** A process is warm after a third of its first life, at most the half hour of the target. */
    const warm_s = Math.min(1800, minutes * (restarts ? 10 : 20));
    const watching = (async () => {
      let next_log_s = minutes * 6;
      let reader_at_s = Math.min(1800, minutes * 30);
      const readers: Promise<void>[] = [];
      while (loading) {
        await delay(look_ms);
        const at_s = elapsed_s();
        if (at_s < minutes * 60 && node.lives() === 1 && at_s > warm_s) rss.push({ life: 1, hours: at_s / 3600, value: rssMb(node.pid()) });
        event_loop_p99_ms.push((await readHeliu(heliu_url)).event_loop_p99_ms);
        looks.push(await lookAt(books, at_s));
        // What comes after the load are late deliveries, and no payments.
        if (at_s >= next_log_s && at_s <= minutes * 60) {
          log_bytes.push({ payments: tally.sent, bytes: fstatSync(log_fd).size });
          next_log_s += minutes * 6;
        }
        if (at_s >= reader_at_s) {
          readers.push(readLong(stand.database_url, Math.min(600, minutes * 6)));
          reader_at_s += 3600;
        }
        const is_second_half = at_s >= minutes * 30 && at_s < minutes * 60;
        if (restarts && is_second_half && node.age_s() >= restart_minutes * 60) await node.restart();
      }
      await Promise.all(readers);
    })();
    const wish = (nth: number): Wish => {
      const channel = nth % 2 === 0 ? 'alipay' : 'wechatpay';
      const drawn = Object.entries(faults).filter(() => Math.random() < fault_share);
      const before = async () => {
        for (const [name, fault] of drawn) {
          await inject(simulators_url, channel, fault);
          injected[name] = (injected[name] ?? 0) + 1;
        }
      };
      return { api_key, channel, before };
    };
    const each = (outcome: Outcome) => {
      tally.sent += 1;
      tally[outcome.is] += 1;
      if (outcome.is === 'paid') creates.push(outcome.took_ms);
      if (outcome.is === 'failed') failures.set(outcome.why.slice(0, 120), (failures.get(outcome.why.slice(0, 120)) ?? 0) + 1);
    };
    const load = offer({
      heliu: heliu_url,
      simulators: simulators_url,
      acknowledged,
      per_second,
      seconds: minutes * 60,
      patience_s: drain_s,
      payer_waits_s: 60,
      wish,
      each,
    });
    await load;
    const loaded_s = elapsed_s();
    loading = false;
    await watching;
    say('coming to rest');
    await delay(look_ms);
    const last = await node.rest();
    const end = await lookAt(books, elapsed_s());
    const checks = await check(stand.database_url, simulators_url, acknowledged.events);
    const verify = verifyBooks(stand);

    const fit = fitSlope(rss);
    const per_payment = log_bytes
      .slice(1)
      .map((now, at) => (now.bytes - (log_bytes[at]?.bytes ?? 0)) / Math.max(1, now.payments - (log_bytes[at]?.payments ?? 0)));
    const half = Math.floor(per_payment.length / 2);
    const log_drift = Math.abs(mean(per_payment.slice(half)) / mean(per_payment.slice(0, half)) - 1);
    const fitted_hours = (rss.at(-1)?.hours ?? 0) - (rss[0]?.hours ?? 0);
    // Over minutes it says how a process gets warm.
    const rss_verdict = fitted_hours >= targets.rss_hours_min ? judgeSlope(fit, targets.rss_mb_per_h_max) : 'not judged';
    const oldest_s = Math.max(0, ...looks.map(({ oldest_transaction_s }) => oldest_transaction_s));
    const loop_p99 = percentile(event_loop_p99_ms, 0.5);
    const tables = Object.keys(end.dead);
    const dead_max = Object.fromEntries(tables.map((table) => [table, Math.max(...looks.map(({ dead }) => dead[table] ?? 0))]));
    return {
      bench: 'soak',
      minutes,
      peak_per_s: round(peak),
      offered_per_s: round(per_second),
      seconds: round(loaded_s),
      payments: tally,
      failures: Object.fromEntries(failures),
      create_ms: { p50: round(percentile(creates, 0.5)), p99: round(percentile(creates, 0.99)) },
      injected,
      restarts: node.lives() - 1,
      rss_mb: { first: rss[0]?.value ?? null, last: rss.at(-1)?.value ?? null, fit: fit ? rounded(fit) : null, verdict: rss_verdict },
      rest: { first, last },
      event_loop_p99_ms: { median: round(loop_p99), max: round(Math.max(0, ...event_loop_p99_ms)) },
      dead_rows: { max: dead_max, end: end.dead, live: end.live },
      oldest_transaction_s: round(oldest_s),
      log_bytes_per_payment: per_payment.map((bytes) => Math.round(bytes)),
      checks: { ...checks, verify },
      met: {
        nothing_lost: checks.lost + checks.invented + checks.told_twice + checks.not_acknowledged + checks.deliveries_open === 0,
        invariants: verify.violations + verify.unknown === 0,
        nothing_failed: tally.failed === 0 && tally.untold === 0,
        rss_flat: rss_verdict === 'not judged' ? null : rss_verdict === 'flat',
        heap_flat: last.heap_after_gc_mb <= first.heap_after_gc_mb * (1 + targets.heap_growth_max),
        handles_back: last.handles <= first.handles + targets.handles_more_max && last.open_files <= first.open_files + targets.handles_more_max,
        event_loop: loop_p99 <= targets.event_loop_p99_ms_max,
        // Vacuum comes when a fifth of a table is dead; twice that says that it does not keep up.
        dead_rows_bounded: tables.every((table) => (end.dead[table] ?? 0) <= 1_000 + 0.4 * (end.live[table] ?? 0)),
        transactions_short: oldest_s <= targets.oldest_transaction_s_max,
        log_constant: log_drift <= targets.log_bytes_drift_max,
      },
    };
  } finally {
    await books.end();
    await node.stop();
    closeSync(log_fd);
    await stand.close();
  }
}

/** Heliu with a door for the inspector, through which garbage is collected, and that can be started anew. */
async function aNode({ installation }: Stand, log_fd: number) {
  const inspector_port = await freePort();
  const begin = () => installation.startHeliu([`--inspect=127.0.0.1:${inspector_port}`], log_fd);
  let running: Running = await begin();
  let began_ms = performance.now();
  let lives = 1;
  return {
    pid: () => running.pid,
    lives: () => lives,
    age_s: () => (performance.now() - began_ms) / 1000,
    restart: async () => {
      await running.stop();
      running = await begin();
      began_ms = performance.now();
      lives += 1;
    },
    /** What it holds when nothing is left to do. */
    rest: async () => {
      const heap_after_gc_mb = await heapAfterGcMb(inspector_port);
      const { handles, open_files } = await readHeliu(installation.heliu_url);
      return { heap_after_gc_mb, handles, open_files, rss_mb: rssMb(running.pid) };
    },
    stop: () => running.stop(),
  };
}

const reader_name = 'heliu-bench-reader';

/** Someone reads the books in one transaction for as long: nothing that died since can be cleared away meanwhile. */
async function readLong(database_url: string, seconds: number): Promise<void> {
  const reader = new pg.Client({ connectionString: database_url, application_name: reader_name });
  await reader.connect();
  await reader.query('begin transaction isolation level repeatable read read only');
  await reader.query('select count(*) from payments');
  await delay(seconds * 1000);
  await reader.query('commit');
  await reader.end();
}

async function lookAt(books: pg.Client, at_s: number): Promise<Look> {
  const { rows } = await books.query<{ relname: string; dead: number; live: number }>(
    `select relname, n_dead_tup::integer as dead, n_live_tup::integer as live from pg_stat_user_tables
     where relname in ('deliveries', 'attempts', 'events') order by relname`,
  );
  const { rows: ages } = await books.query<{ age_s: number | null }>(
    `select max(extract(epoch from clock_timestamp() - xact_start))::float8 as age_s from pg_stat_activity
     where backend_type = 'client backend' and application_name <> $1 and pid <> pg_backend_pid()`,
    [reader_name],
  );
  const of = (pick: (row: { dead: number; live: number }) => number) => Object.fromEntries(rows.map((row) => [row.relname, pick(row)]));
  return { at_s, oldest_transaction_s: ages[0]?.age_s ?? 0, dead: of(({ dead }) => dead), live: of(({ live }) => live) };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const round = (value: number): number => Math.round(value * 100) / 100;
const rounded = ({ points, per_hour, per_hour_95: [low, high] }: Fit) => ({ points, per_hour: round(per_hour), per_hour_95: [round(low), round(high)] });
