import { type StatementTotals, statement_formats } from '@heliu/contract';
import { previousDay } from '../../channels/bill.ts';
import { channels } from '../../channels/registry.ts';
import { canonicalJson } from '../../kernel/digest.ts';
import { statement_chunk_bytes } from '../../kernel/limits.ts';
import { randomHex } from '../../kernel/rng.ts';
import { bizDate } from '../../kernel/time.ts';
import { isBehind } from '../../ledger/service.ts';
import type { Ctx } from '../../platform/ctx.ts';
import { arrivalOf, calendarWith, default_terms } from '../arrival/arrival.ts';
import { type GrowingFile, growing } from '../files/service.ts';
import { writerOf } from '../files/writer.ts';
import { type Line, lineOf } from '../line.ts';
import { type Signer, signerOf } from '../signing/service.ts';
import * as store from '../store.ts';
import { type Ending, layoutOf } from '../summary.ts';
import { newTally, sumsOf, type Tally, tally, totalsOf } from '../totals.ts';

/**
 * Makes the files of a statement, piece by piece, and signs what they are. Two workers may be at it when one was thought
 * dead: each writes pieces of its own, and the first that ends makes the statement. False while the book has not seen all that
 * happened before the statement was asked for: nothing is made of half a day. `tell` hears how many lines were read.
 */
export async function makeStatement(
  ctx: Ctx,
  key: { readonly merchant_id: string; readonly id: string },
  tell: (lines: number) => void = () => {},
): Promise<boolean> {
  const row = await store.findStatement(ctx.db.kysely, key);
  if (!row || row.state === 'ready') return true;
  if (await isBehind(ctx, row, row.created_at)) return false;
  const open_days = (await openDays(ctx, [row.merchant_id], row)).get(row.merchant_id) ?? 0;
  const provisional = row.period_through >= bizDate(row.created_at) || open_days > 0;
  const run = randomHex(ctx.rng, 8);
  const files = statement_formats.map((format) => ({
    format,
    file: growing<Line, Ending>(
      (out) => writerOf(format, layoutOf(provisional), out),
      (bytes, nth) => store.insertChunk(ctx, row, { run, format, nth, bytes }),
    ),
  }));
  const { merchant_id, livemode, period_from: from, period_through: through, store_id } = row;
  const up_to_no = await store.lastNo(ctx.db.kysely, row);
  const sums = newTally();
  const lines = await readInto(ctx, row, up_to_no, sums, {
    line: (line) => {
      for (const { file } of files) file.writer.line(line);
    },
    flush: () => flushAll(files.map(({ file }) => file)),
    tell,
  });
  const totals = { ...(await withArrivals(ctx, row, sums)), later: await laterOf(ctx, row, up_to_no) };
  for (const { file } of files) await file.end({ from, through, totals, provisional, open_days });
  const facts = files.map(({ format, file }) => ({ format, ...file.facts() }));
  const signer = await merchantSigner(ctx, merchant_id);
  const manifest = canonicalJson({
    statement: row.id,
    merchant_id,
    livemode,
    from,
    through,
    store_id,
    provisional,
    open_days,
    up_to_no: String(up_to_no),
    lines: Number(lines),
    totals,
    files: facts,
    signing_key_id: signer.id,
  });
  const signature = signer.sign(manifest);
  const done = await store.finishStatement(ctx, key, {
    run,
    lines,
    up_to_no,
    provisional,
    open_days,
    totals,
    files: facts,
    manifest,
    signature,
    signing_key_id: signer.id,
    ready_at: ctx.clock.now(),
  });
  const kept = done ? run : (await store.findStatement(ctx.db.kysely, key))?.run;
  if (kept) await store.dropChunks(ctx, key, kept);
  return true;
}

/** Channels whose days are closed by their bills. */
const with_bills = [...channels].flatMap(([code, { bills }]) => (bills ? [code] : []));

/** How many days of these merchants are not closed in reconciliation, of those that have any. */
export const openDays = (ctx: Ctx, merchant_ids: readonly string[], of: store.OpenDaysOf): Promise<ReadonlyMap<string, number>> =>
  store.countOpenDays(ctx.db.kysely, merchant_ids, of, with_bills);

/** What was posted of earlier days since the statement of the days before. */
async function laterOf(ctx: Ctx, row: store.StatementRow, up_to_no: bigint): Promise<NonNullable<StatementTotals['later']> | null> {
  const before = await store.findBefore(ctx.db.kysely, row);
  if (!before) return null;
  const sums = newTally();
  const of = { ...row, period_from: '0001-01-01', period_through: previousDay(row.period_from), above_no: before.up_to_no };
  const lines = await readInto(ctx, of, up_to_no, sums, { line: () => {}, flush: () => Promise.resolve() });
  return { statement_id: before.id, lines: Number(lines), ...sumsOf(sums) };
}

/** Where lines go, and what is done after each page of them. */
export type LineSink = { readonly line: (line: Line) => void; readonly flush: () => Promise<void>; readonly tell?: (lines: number) => void };

/** Reads a merchant's lines page by page up to a number of its book, adds them up, and gives how many there were. */
export async function readInto(ctx: Ctx, of: store.LinesOf, up_to_no: bigint, sums: Tally, sink: LineSink): Promise<bigint> {
  let lines = 0n;
  let after: store.LinesAfter = { biz_date: '0001-01-01', no: 0n };
  for (;;) {
    const page = await store.readLines(ctx.db.kysely, of, up_to_no, after);
    const last = page.at(-1);
    if (!last) return lines;
    for (const posting of page) {
      const line = lineOf(posting);
      tally(sums, line);
      sink.line(line);
    }
    await sink.flush();
    lines += BigInt(page.length);
    sink.tell?.(Number(lines));
    after = { biz_date: last.biz_date, no: last.no };
  }
}

export async function flushAll<L, E>(files: readonly GrowingFile<L, E>[]): Promise<void> {
  for (const file of files) await file.flush(statement_chunk_bytes);
}

async function withArrivals(ctx: Ctx, row: store.StatementRow, sums: Tally): Promise<StatementTotals> {
  const { merchant_id } = row;
  const fees = await store.readChannelFees(ctx.db.kysely, row);
  const calendar = calendarWith(await store.readCalendar(ctx));
  const terms = new Map((await store.readTerms(ctx, merchant_id)).map((each) => [each.channel_account_id, each]));
  return totalsOf(sums, fees, (biz_date, account) => arrivalOf(biz_date, terms.get(account) ?? default_terms, calendar));
}

const merchantSigner = (ctx: Ctx, merchant_id: string): Promise<Signer> =>
  signerOf(ctx, {
    sealedAt: (row) => ({ table: 'statement_keys', column: 'private_key_sealed', merchant_id, row }),
    find: () => store.findSigningKey(ctx, merchant_id),
    keep: (fresh) => store.keepSigningKey(ctx, { merchant_id, ...fresh }),
  });
