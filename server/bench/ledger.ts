import { sql } from 'kysely';
import { newId } from '../kernel/id.ts';
import { ledger_events_per_batch_max } from '../kernel/limits.ts';
import { addMs } from '../kernel/time.ts';
import { projectBatch } from '../ledger/projection/service.ts';
import { replayBook } from '../ledger/replay/service.ts';
import { commitEvents, newStory, paid, refunded } from '../ledger/testing/events.ts';
import { createMerchant } from '../merchants/service.ts';
import { systemClock } from '../platform/clock.ts';
import type { Ctx } from '../platform/ctx.ts';
import { priceBooks, priceFromStart, setPrice } from '../pricing/service.ts';
import { makeStatement } from '../settlement/making/service.ts';
import { askStatement } from '../settlement/service.ts';
import { testCtx } from '../testing/ctx.ts';

export type LedgerBenchOptions = { readonly payments: number; readonly say: (line: string) => void };

/** Of a hundred payments, so many have a refund. */
const refunds_percent = 5;
const events_per_commit = 5_000;
const wanted_per_s = 10_000;
const looks_ms = 50;

/**
 * One merchant whose every posting touches the same two accounts: postings a second, how fast they are made anew from their
 * events, and the statement of all of them. Beside them what bare SQL writes on this machine in the same run.
 */
export async function benchLedger({ payments, say }: LedgerBenchOptions) {
  const node = await testCtx({ start: systemClock.now() });
  const { ctx } = node;
  try {
    const { id: merchant_id } = await createMerchant(ctx, { name: 'bench' });
    const book = { merchant_id, livemode: true };
    await setPrice(ctx, { ...book, terms: { tiers: [{ rate_ppm: 6_000 }, { from_fen: 100_000_000, rate_ppm: 3_800 }] } });
    say(`writing the events of ${payments} payments`);
    const events = await writeEvents(ctx, merchant_id, payments);
    say('calibrating');
    const calibration = { sql_insert_rows_per_s: await bareRows(ctx) };
    say(`posting ${events} events of one merchant`);
    const posting = await timed(async () => {
      const turn = { after: '' };
      while ((await projectBatch(ctx, priceBooks, { turn, books_max: 100, events_max: ledger_events_per_batch_max })) !== 'nothing');
    });
    say('replaying');
    const replay = await timed(() => replayBook(ctx, priceFromStart, book));
    say('making the statement');
    const today = new Intl.DateTimeFormat('en-CA', { timeZone: 'Asia/Shanghai' }).format(ctx.clock.now());
    const { id } = await askStatement(ctx, book, { from: today, through: today });
    const statement = await timed(() => makeStatement(ctx, { merchant_id, id }));
    const made = await ctx.db.kysely.selectFrom('statements').select(['lines', 'files']).where('id', '=', id).executeTakeFirstOrThrow();
    const per_s = (count: number, { ms }: { readonly ms: number }) => Math.round(count / (ms / 1000));
    const postings_per_s = per_s(events, posting);
    return {
      payments,
      events,
      postings_per_s,
      replayed_per_s: per_s(events, replay),
      replay_differences: replay.result.difference_count,
      statement: { lines: Number(made.lines), lines_per_s: per_s(Number(made.lines), statement), peak_mb_above_idle: statement.peak_mb, files: made.files },
      calibration,
      entries_to_bare_rows: Math.round((postings_per_s * 4 * 100) / calibration.sql_insert_rows_per_s) / 100,
      met: { hot_account_10000_per_s: postings_per_s >= wanted_per_s, replay_agrees: replay.result.difference_count === 0 },
    };
  } finally {
    await node.close();
  }
}

/** Payments one after the other, at the rate that is wanted, and refunds of some right after them. */
async function writeEvents(ctx: Ctx, merchant_id: string, payments: number): Promise<number> {
  const now = ctx.clock.now();
  const story = { ...newStory(ctx.rng, now), merchant_id, account: newId('channel_account', now, ctx.rng) };
  let events = 0;
  for (let nth = 0; nth < payments; nth++) {
    const at = addMs(now, Math.floor((nth * 1_000) / wanted_per_s));
    const payment = paid(story, ctx.rng, { amount_fen: 1_000 + (nth % 9_000), at });
    if (nth % 100 < refunds_percent) refunded(story, ctx.rng, payment, { amount_fen: 500, at });
    if (story.events.length < events_per_commit && nth < payments - 1) continue;
    events += story.events.length;
    await commitEvents(ctx, story);
  }
  return events;
}

const calibration_rows = 400_000;

/** Rows of the size of an entry, with a primary key of the same columns, in one statement of SQL alone. */
async function bareRows(ctx: Ctx): Promise<number> {
  await sql`create table bench_rows (merchant_id text collate "C", posting_id text collate "C", line smallint, account text, party_id text, currency text, amount_fen bigint,
    primary key (merchant_id, posting_id, line))`.execute(ctx.db.kysely);
  const { ms } = await timed(() =>
    sql`insert into bench_rows select 'mer_01JD0000000000000000000000', 'pst_' || lpad(n::text, 26, '0'), 1, 'channel_receivable', 'acc_01JD0000000000000000000000', 'CNY', n
      from generate_series(1, ${calibration_rows}::integer) n`.execute(ctx.db.kysely),
  );
  await sql`drop table bench_rows`.execute(ctx.db.kysely);
  return Math.round(calibration_rows / (ms / 1000));
}

/** How long it took, and how far the memory of this process rose above where it began. */
async function timed<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly ms: number; readonly peak_mb: number }> {
  const idle = process.memoryUsage.rss();
  let peak = idle;
  const looking = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, looks_ms);
  const started_ms = performance.now();
  const result = await work();
  clearInterval(looking);
  return { result, ms: performance.now() - started_ms, peak_mb: Math.round((peak - idle) / 1024 / 1024) };
}
