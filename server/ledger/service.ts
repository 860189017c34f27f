import type { Kysely } from 'kysely';
import { isId, newId } from '../kernel/id.ts';
import { RefusalError, refuse } from '../kernel/refusal.ts';
import type { Rng } from '../kernel/rng.ts';
import { addMs, bizDate } from '../kernel/time.ts';
import type { Ctx } from '../platform/ctx.ts';
import type { Tables } from '../platform/db/tables.gen.ts';
import { type Balance, balancesOf } from './balance.ts';
import { isDay } from './day.ts';
import { type Draft, numbered, type Posting, reversalOf } from './posting.ts';
import { type Lag, readLag } from './projection/store.ts';
import * as store from './store.ts';

export type { BookName } from './store.ts';

/**
 * Posts facts that are no events: a channel's fee, a settlement, a difference. In the caller's transaction, so that they
 * stand or fall with what they tell of. A source that was posted before is left alone: its id is not among those given back.
 */
export async function post(tx: Kysely<Tables>, book: store.BookName, drafts: readonly Draft[]): Promise<readonly Posting[]> {
  if (drafts.length === 0) return [];
  const state = await store.holdBook(tx, book);
  const ids = numbered(drafts, book, state).map(({ id }) => id);
  const posted = new Set((await store.readPostings(tx, book, ids)).map(({ id }) => id));
  const fresh = drafts.filter((_, at) => !posted.has(ids[at] as string));
  const postings = numbered(fresh, book, state);
  await store.insertPostings(tx, postings);
  return postings;
}

/** Refuses what is no reason that a person could read. */
export function checkReason(reason: string): void {
  if (!/^[^\p{Cc}\p{Cf}\p{Cs}]{1,200}$/u.test(reason))
    throw new RefusalError(refuse('parameter_invalid', 'reason', { expected: '1 to 200 visible characters', expected_zh: '1 至 200 个可见字符' }));
}

export type ReverseInput = store.BookName & { readonly posting_id: string; readonly reason: string; readonly by: string };

/** Undoes a posting by one that names it and whoever undid it, on today's day; once. What was posted stays as it is. */
export async function reversePosting(ctx: Ctx, { posting_id, reason, by, ...book }: ReverseInput): Promise<Posting> {
  const now = ctx.clock.now();
  checkReason(reason);
  return await ctx.db.kysely.transaction().execute(async (tx) => {
    const [original] = isId('posting', posting_id) ? await store.readPostings(tx, book, [posting_id]) : [];
    if (!original) throw new RefusalError(refuse('posting_not_found', 'posting_id'));
    const [reversal] = await reversePostings(tx, book, { posting_ids: [posting_id], reason, by, dated: 'now', now, rng: ctx.rng });
    if (!reversal) throw new RefusalError(refuse('posting_reversed', 'posting_id'));
    return reversal;
  });
}

export type ReversalsInput = {
  readonly posting_ids: readonly string[];
  readonly reason: string;
  readonly by?: string;
  /** `original`: as if it had never been posted, on the day of what it undoes; where that is closed, on the first open day. */
  readonly dated: 'now' | 'original';
  readonly now: Date;
  readonly rng: Rng;
};

/** Undoes postings in the caller's transaction, each by one that names it. What is undone already, or is a reversal, is passed over. */
export async function reversePostings(
  tx: Kysely<Tables>,
  book: store.BookName,
  { posting_ids, reason, by, dated, now, rng }: ReversalsInput,
): Promise<readonly Posting[]> {
  if (posting_ids.length === 0) return [];
  const state = await store.holdBook(tx, book);
  const undone = await store.readReversed(tx, book.merchant_id, posting_ids);
  const originals = (await store.readPostings(tx, book, posting_ids)).filter(({ id, kind }) => kind !== 'reversal' && !undone.has(id));
  const drafts = originals.map((original) =>
    reversalOf(original, { source_id: newId('posting', now, rng), at: dated === 'now' ? now : original.fact_at, reason, by }),
  );
  const reversals = numbered(drafts, book, state);
  await store.insertPostings(tx, reversals);
  return reversals;
}

export type BalancesInput = Partial<store.BookName> & {
  /** Up to the end of this day in Asia/Shanghai. */
  readonly through?: string | undefined;
};

/** What stands on each account, of one book or of all of them together. */
export const readBalances = async (ctx: Ctx, { through, ...book }: BalancesInput): Promise<readonly Balance[]> =>
  balancesOf(await store.readBalances(ctx.db.kysely, book, through));

/** What stood on each account at an instant: the days before, and of its own day what had happened by then. */
export async function readBalancesAt(ctx: Ctx, { at, ...book }: store.BookName & { readonly at: Date }): Promise<readonly Balance[]> {
  const day = bizDate(at);
  const before = bizDate(addMs(at, -86_400_000));
  return await ctx.db.kysely
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async (tx) => balancesOf([...(await store.readBalances(tx, book, before)), ...(await store.readMovesOfDay(tx, book, day, at))]));
}

export type CloseInput = store.BookName & {
  readonly through: string;
  readonly by: string;
  /** Though days up to then are not closed in reconciliation; it is written down how many. */
  readonly anyway?: boolean;
};

/** What is as new as this may still be on its way into the book. */
export const posted_within_ms = 10_000;

/**
 * Closes a book up to the end of a day that is over: what comes later counts on the first open day and names its own. Refused while
 * the book has not seen the events of its merchant, and while days up to then are not closed in reconciliation.
 */
export async function closePeriod(ctx: Ctx, { through, by, anyway = false, ...book }: CloseInput): Promise<store.OpenDays> {
  const now = ctx.clock.now();
  if (!isDay(through))
    throw new RefusalError(refuse('parameter_invalid', 'through', { expected: 'a day such as 2026-11-21', expected_zh: '如 2026-11-21 的日期' }));
  if (through >= bizDate(now)) throw new RefusalError(refuse('ledger_day_not_over', 'through'));
  return await ctx.db.kysely.transaction().execute(async (tx) => {
    const { closed_through } = await store.holdBook(tx, book);
    if (closed_through !== null && closed_through >= through) throw new RefusalError(refuse('ledger_day_closed', 'through', { closed_through }));
    if (await store.isBehind(tx, book, addMs(now, -posted_within_ms))) throw new RefusalError(refuse('ledger_behind'));
    const open = await store.readOpenDays(tx, book, through);
    const { open_days, first_open } = open;
    if (open_days > 0 && !anyway) throw new RefusalError(refuse('ledger_days_open', 'through', { open_days: String(open_days), first_open: first_open ?? '' }));
    await store.closeBook(tx, book, { through, open_days, by, at: now });
    return open;
  });
}

/** True where an event of until then is not posted yet. */
export const isBehind = (ctx: Ctx, book: store.BookName, until: Date): Promise<boolean> => store.isBehind(ctx.db.kysely, book, until);

/** How far each book is behind the events of its merchant, the furthest first. */
export async function readPostStatus(ctx: Ctx, merchant_id: string | undefined): Promise<(Lag & { readonly behind: bigint })[]> {
  return (await readLag(ctx.db.kysely, merchant_id)).map((lag) => ({ ...lag, behind: lag.last - lag.position }));
}

/** Postings of a book, newest day first. */
export const listPostings = store.listPostings;
