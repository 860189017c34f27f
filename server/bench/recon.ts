import { chmodSync, createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createGzip } from 'node:zlib';
import type { ExceptionKind } from '@heliu/contract';
import { sql } from 'kysely';
import { createChannelClient } from '../channels/client.ts';
import { simulators } from '../channels/simulators.ts';
import { createChannelAccount, createMerchant } from '../merchants/service.ts';
import type { PaymentsCtx } from '../payments/ctx.ts';
import { uploadBill } from '../recon/bills/service.ts';
import { matchDay } from '../recon/matching/service.ts';
import { testCtx } from '../testing/ctx.ts';
import { type Party, planted_kinds, reconBill } from './recon-bill.ts';

/** `accounts`: so many merchants with such a day each, one after the other in the same tables. One bill holds `bill_lines_max` lines at most. */
export type ReconBenchOptions = { readonly lines: number; readonly accounts: number; readonly say: (line: string) => void };

const biz_date = '2026-11-21';
const start = new Date('2026-11-22T04:30:00.000Z');
const look_ms = 50;

/**
 * A day of that many payments against a bill of that many lines with errors of every kind: taken in, matched, and held
 * against what was planted. Beside it, in the same run, PostgreSQL alone: COPY of the same lines, and the same join.
 */
export async function benchRecon({ lines, accounts, say }: ReconBenchOptions) {
  const node = await testCtx({ start });
  const folder = mkdtempSync(join(tmpdir(), 'heliu-bench-'));
  // PostgreSQL may run as a user of its own, and writes a file there.
  chmodSync(folder, 0o777);
  try {
    const { ctx: base } = node;
    const ctx: PaymentsCtx = { ...base, channels: createChannelClient(base), nudge: () => {}, courier: { lease: () => undefined, hand: () => {} } };
    const days: Day[] = [];
    let peak_mb_above_idle = 0;
    let held_mb = 0;
    for (let account = 1; account <= accounts; account++) {
      const party = await openAccount(ctx);
      say(`account ${account} of ${accounts}: writing ${lines} payments`);
      await writePayments(ctx, party, lines);
      say('writing the bill');
      const file = join(folder, 'bill.gz');
      const bill = reconBill(party, lines, biz_date);
      await pipeline(Readable.from(bill.text()), createGzip({ level: 1 }), createWriteStream(file));
      const memory = watchMemory();
      say('taking the bill in');
      const imported = await timed(() => uploadBill(ctx, { day: { ...party, kind: 'trade', biz_date }, bytes: readFileSync(file), by: 'bench' }));
      say('matching');
      const matched = await timed(() => matchDay(ctx, { ...party, biz_date }));
      const { peak, held } = memory.stop();
      peak_mb_above_idle = Math.max(peak_mb_above_idle, peak);
      held_mb = Math.max(held_mb, held);
      say('matching again');
      const again = await timed(() => matchDay(ctx, { ...party, biz_date }));
      const exceptions = await precisionOf(ctx, party, bill.planted);
      days.push({ bill_id: imported.value.bill.id, lines: imported.value.bill.lines, import_s: imported.seconds, match_s: matched.seconds, again, exceptions });
    }
    say('calibrating: the same lines and the same join in bare SQL');
    const [first] = days;
    if (!first) throw new Error('there is an account');
    const calibration = await calibrate(ctx, folder, first.bill_id);
    const import_s = sumOf(days, ({ import_s: seconds }) => seconds);
    const match_s = sumOf(days, ({ match_s: seconds }) => seconds);
    const total_s = round(import_s + match_s);
    const again_changed = sumOf(days, ({ again: { value } }) => value.opened + value.settled);
    const perfect = days.every(({ exceptions }) => Object.values(exceptions).every(({ precision, recall }) => precision === 1 && recall === 1));
    return {
      accounts,
      lines: sumOf(days, (day) => day.lines ?? 0),
      import_s,
      match_s,
      // Whether a day takes longer where many days stand beside it.
      match_s_by_account: days.map((day) => day.match_s),
      total_s,
      rows_per_s: Math.round((lines * accounts) / total_s),
      again_s: sumOf(days, ({ again }) => again.seconds),
      again_changed,
      peak_mb_above_idle,
      held_mb,
      calibration,
      ratio: { import: round((calibration.copy_s * accounts) / import_s), match: round((calibration.join_s * accounts) / match_s) },
      exceptions: first.exceptions,
      met: { every_error_found_as_what_it_is: perfect, again_changes_nothing: again_changed === 0 },
    };
  } finally {
    await node.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

type Day = {
  readonly bill_id: string;
  readonly lines: number | null;
  readonly import_s: number;
  readonly match_s: number;
  readonly again: { readonly value: { readonly opened: number; readonly settled: number }; readonly seconds: number };
  readonly exceptions: Readonly<Record<string, Score>>;
};

const sumOf = <T>(all: readonly T[], value: (one: T) => number): number => round(all.reduce((sum, one) => sum + value(one), 0));
const round = (value: number): number => Math.round(value * 100) / 100;

async function timed<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly seconds: number }> {
  const started = performance.now();
  const value = await work();
  return { value, seconds: round((performance.now() - started) / 1000) };
}

/** What this process took above what it has now, in MB. */
type Memory = {
  /** Resident, garbage that nobody has collected yet included: more where the machine has no time to collect. */
  readonly peak: number;
  /** Still in use once it is over and collected: what was held on to. */
  readonly held: number;
};

/** From a heap without garbage on: what was left of making the bill would hide some of what the work takes. */
function watchMemory(): { stop: () => Memory } {
  const inUse = (): number => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const mb = (bytes: number) => Math.round(bytes / 1e6);
  const before = inUse();
  const idle = process.memoryUsage().rss;
  let peak = idle;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, look_ms);
  return {
    stop: () => {
      clearInterval(timer);
      return { peak: mb(peak - idle), held: mb(inUse() - before) };
    },
  };
}

/** V8 collects on command in a context that was made after it was told so. */
function collect(): void {
  setFlagsFromString('--expose_gc');
  (runInNewContext('gc') as () => void)();
}

async function openAccount(ctx: PaymentsCtx): Promise<Party> {
  const [maker] = simulators;
  if (!maker) throw new Error('there is a simulator');
  const ports = { clock: ctx.clock, rng: ctx.rng, base_url: 'http://127.0.0.1:1', journal: { load: () => [], append: () => {} }, time_scale: 1 };
  const simulator = maker.create({ ...ports, send: () => Promise.resolve({ status: 200, body: '' }) });
  const settings = await simulator.enroll({ mode: 'direct', trust: 'public_key' });
  await simulator.close();
  const merchant = await createMerchant(ctx, { name: 'bench' });
  const { id } = await createChannelAccount(ctx, { merchant_id: merchant.id, livemode: false, channel: maker.channel, name: 'bench', settings, priority: 100 });
  return { merchant_id: merchant.id, merchant_code: merchant.code, channel_account_id: id, mchid: String(settings.mchid), appid: String(settings.appid) };
}

/** Payments 0 … lines-1 of the day; what `planted_kinds` says of a number decides the state that ours is in. A hundredth of them has a refund. */
async function writePayments(ctx: PaymentsCtx, { merchant_id, channel_account_id }: Party, lines: number): Promise<void> {
  const kind = sql`(${planted_kinds}::text[])[1 + n / 1000]`;
  const unpaid = sql`case when n % 1000 = 500 and n / 1000 < cardinality(${planted_kinds}::text[]) then ${kind} in ('unknown_paid', 'late_paid') else false end`;
  // Begins with the time of the day, as ids do: matching leaves out what is older by it.
  const ulid = sql`'01M7X' || lpad(upper(to_hex(n)), 21, '0')`;
  const at = sql`timestamptz '2026-11-21T00:00:10+08:00' + make_interval(secs => n * 80000.0 / ${lines})`;
  await ctx.db.kysely.transaction().execute(async (trx) => {
    await sql`select set_config('statement_timeout', '0', true)`.execute(trx);
    await sql`create temp table d on commit drop as select n, ${ulid} as ulid, ${at} as at, 100 + n % 9973 as fen, ${unpaid} as unpaid, ${kind} as kind from generate_series(0, ${lines - 1}) n`.execute(
      trx,
    );
    await sql`insert into payments (merchant_id, id, livemode, merchant_order_no, request_hash, amount_fen, currency, subject, state, closed_reason, paid_fen, accepted_attempt_id, latest_attempt_id,
        attempt_count, expires_at, next_close_at, paid_at, closed_at, created_at, version)
      select ${merchant_id}, 'pay_' || ulid, false, 'bench-' || n, decode('00', 'hex'), fen, 'CNY', 'tea', case when not unpaid then 'paid' when kind = 'late_paid' then 'closed' else 'pending' end,
        case when unpaid and kind = 'late_paid' then 'expired' end, case when unpaid then 0 else fen end, case when not unpaid then 'att_' || ulid end, 'att_' || ulid, 1,
        at + interval '2 hours', case when unpaid and kind <> 'late_paid' then at + interval '30 days' end, case when not unpaid then at end, case when unpaid and kind = 'late_paid' then at end, at, 3
      from d`.execute(trx);
    await sql`insert into attempts (merchant_id, id, payment_id, channel, channel_account_id, account_version, method, amount_fen, currency, request, state, disposition, next_action,
        channel_transaction_id, payer_amount_fen, paid_at, created_at, next_query_at, version)
      select ${merchant_id}, 'att_' || ulid, 'pay_' || ulid, 'wechatpay', ${channel_account_id}, 1, 'wechat_qr', fen, 'CNY', '{}', case when not unpaid then 'succeeded' when kind = 'late_paid' then 'closed'
        else 'waiting' end, case when not unpaid then 'accepted' end, '{"type":"none"}', case when not unpaid then '4200' || lpad(n::text, 24, '0') end, case when not unpaid then fen end,
        case when not unpaid then at end, at, case when unpaid and kind <> 'late_paid' then at + interval '30 days' end, 3 from d`.execute(trx);
    await sql`insert into refunds (merchant_id, id, payment_id, attempt_id, livemode, cause, amount_fen, currency, state, channel_refund_id, created_at, refunded_at, next_query_at, version)
      select ${merchant_id}, 'ref_' || replace(ulid, '01M7X', '01M7Y'), 'pay_' || ulid, 'att_' || ulid, false, 'merchant', 50, 'CNY', s, case when s = 'succeeded' then '50300' || lpad(n::text, 23, '0') end, at + interval '1 hour',
        case when s = 'succeeded' then at + interval '1 hour' end, case when s = 'pending' then at + interval '30 days' end, 2
      from (select *, case when n % 1000 = 500 and n / 1000 < cardinality(${planted_kinds}::text[]) and kind in ('refund_unknown', 'refund_hold') then 'pending' else 'succeeded' end as s from d) d
      where n % 100 = 0 and not unpaid`.execute(trx);
    await sql`analyze attempts, refunds, payments`.execute(trx);
  });
}

type Score = { readonly planted: number; readonly found: number; readonly precision: number; readonly recall: number };

/** Of each kind: what was found that was planted, and what was planted that was found. */
async function precisionOf(
  ctx: PaymentsCtx,
  { merchant_id }: Party,
  planted: ReadonlyMap<ExceptionKind, ReadonlySet<string>>,
): Promise<Readonly<Record<string, Score>>> {
  const { rows } = await sql<{
    kind: ExceptionKind;
    name: string;
  }>`select e.kind, coalesce(l.channel_refund_no, e.channel_order_no) as name from recon_exceptions e
    left join bill_lines l on l.merchant_id = e.merchant_id and l.bill_id = e.bill_id and l.line = e.line where e.merchant_id = ${merchant_id} limit 100000`.execute(
    ctx.db.kysely,
  );
  const found = Map.groupBy(rows, ({ kind }) => kind);
  const kinds = new Set([...planted.keys(), ...found.keys()]);
  const share = (part: number, whole: number) => (whole === 0 ? 1 : round(part / whole));
  return Object.fromEntries(
    [...kinds].toSorted().map((kind) => {
      const wanted = planted.get(kind) ?? new Set();
      const got = found.get(kind) ?? [];
      const right = got.filter(({ name }) => wanted.has(name)).length;
      return [kind, { planted: wanted.size, found: got.length, precision: share(right, got.length), recall: share(right, wanted.size) }];
    }),
  );
}

/** What PostgreSQL needs for the rows alone: no file, no parsing, no judging. */
async function calibrate(ctx: PaymentsCtx, folder: string, bill_id: string) {
  const file = join(folder, 'lines.copy');
  const run = (text: string) =>
    ctx.db.kysely.transaction().execute(async (trx) => {
      await sql`select set_config('statement_timeout', '0', true), set_config('work_mem', '64MB', true), set_config('enable_nestloop', 'off', true)`.execute(
        trx,
      );
      await sql.raw(text).execute(trx);
    });
  await run('create table cal_lines (like bill_lines including all); create table cal_matches (like recon_matches including all)');
  await run(`copy (select * from bill_lines where bill_id = '${bill_id}' order by line) to '${file}'`);
  const copy = await timed(() => run(`copy cal_lines from '${file}'`));
  const join_ = await timed(() =>
    run(`insert into cal_matches (merchant_id, object_id, channel_account_id, bill_id, line, key)
      select l.merchant_id, a.id, a.channel_account_id, l.bill_id, l.line, 'order_no' from cal_lines l join attempts a on a.merchant_id = l.merchant_id and a.id = l.object_id
        and a.amount_fen = l.amount_fen and a.state = 'succeeded' and a.channel_transaction_id = l.channel_transaction_id where l.kind = 'payment' order by l.line on conflict do nothing`),
  );
  const { rows } = await sql<{ count: bigint }>`select count(*) as count from cal_lines`.execute(ctx.db.kysely);
  const count = Number(rows[0]?.count ?? 0);
  return { copy_s: copy.seconds, copy_rows_per_s: Math.round(count / copy.seconds), join_s: join_.seconds, join_rows_per_s: Math.round(count / join_.seconds) };
}
