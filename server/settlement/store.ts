import type { StatementFormat, StatementState, StatementTotals } from '@heliu/contract';
import { type Kysely, sql } from 'kysely';
import { statement_page_lines } from '../kernel/limits.ts';
import { addMs } from '../kernel/time.ts';
import type { Ctx } from '../platform/ctx.ts';
import type { Tables } from '../platform/db/tables.gen.ts';
import type { CalendarDay, Terms } from './arrival/arrival.ts';
import type { PostingRow } from './line.ts';
import type { ChannelFees } from './totals.ts';

/** Tables: statements, statement_chunks, statement_keys, settlement_terms, calendar_days; agent_statement_keys is written by agents/. */

export type FileFacts = { readonly format: StatementFormat; readonly bytes: number; readonly sha256: string };

export type StatementRow = {
  readonly merchant_id: string;
  readonly id: string;
  readonly livemode: boolean;
  readonly period_from: string;
  readonly period_through: string;
  readonly store_id: string | null;
  readonly state: StatementState;
  readonly run: string | null;
  readonly lines: bigint | null;
  readonly up_to_no: bigint | null;
  readonly provisional: boolean | null;
  readonly open_days: number | null;
  readonly totals: StatementTotals | null;
  readonly files: readonly FileFacts[];
  readonly manifest: string | null;
  readonly signature: Buffer | null;
  readonly public_key: Buffer | null;
  readonly created_at: Date;
  readonly ready_at: Date | null;
};

export type NewStatement = Pick<StatementRow, 'merchant_id' | 'id' | 'livemode' | 'period_from' | 'period_through' | 'store_id' | 'created_at'>;
type Key = { readonly merchant_id: string; readonly id: string };

/** False when as many as may be are being prepared. */
export async function insertStatement(tx: Kysely<Tables>, row: NewStatement, preparing_max: number): Promise<boolean> {
  // The merchant's row stands for the count: two cannot both be the last one allowed.
  await sql`select 1 from merchants where id = ${row.merchant_id} for update`.execute(tx);
  const { rows } = await sql<{
    count: bigint;
  }>`select count(*) as count from statements where merchant_id = ${row.merchant_id} and state = 'preparing'`.execute(tx);
  if ((rows[0]?.count ?? 0n) >= BigInt(preparing_max)) return false;
  await tx
    .insertInto('statements')
    .values({ ...row, next_make_at: row.created_at })
    .execute();
  return true;
}

const columns = sql`s.merchant_id, s.id, s.livemode, s.period_from, s.period_through, s.store_id, s.state, s.run, s.lines, s.up_to_no, s.provisional, s.open_days, s.totals, s.files, s.manifest, s.signature,
  k.public_key, s.created_at, s.ready_at`;
const from = sql`from statements s left join statement_keys k on k.merchant_id = s.merchant_id and k.id = s.signing_key_id`;

export async function findStatement(db: Kysely<Tables>, { merchant_id, id }: Key): Promise<StatementRow | undefined> {
  const { rows } = await sql<StatementRow>`select ${columns} ${from} where s.merchant_id = ${merchant_id} and s.id = ${id}`.execute(db);
  return rows[0];
}

/** Newest first. */
export async function listStatements(
  ctx: Ctx,
  {
    merchant_id,
    livemode,
    before_id,
    limit,
  }: { readonly merchant_id: string; readonly livemode: boolean; readonly before_id: string | undefined; readonly limit: number },
): Promise<StatementRow[]> {
  const { rows } = await sql<StatementRow>`select ${columns} ${from} where s.merchant_id = ${merchant_id} and s.livemode = ${livemode}
    and (${before_id ?? null}::text is null or s.id < ${before_id ?? null}) order by s.id desc limit ${limit}`.execute(ctx.db.kysely);
  return rows;
}

/** Takes statements to make; the new time is the lease. */
export const claimStatements = (ctx: Ctx, limit: number, now: Date, lease_ms: number): Promise<Key[]> =>
  ctx.db.run<Key>(
    {
      name: 'statements_claim',
      text: `update statements s set next_make_at = $2, make_tries = make_tries + 1
        from (select merchant_id, id from statements where next_make_at <= $1 order by next_make_at limit $3 for update skip locked) d
        where s.merchant_id = d.merchant_id and s.id = d.id and s.next_make_at <= $1 returning s.merchant_id, s.id`,
    },
    [now, addMs(now, lease_ms), limit],
  );

/** The number up to which a book is written: what comes later is in no statement that is made now. */
export async function lastNo(db: Kysely<Tables>, { merchant_id, livemode }: Pick<StatementRow, 'merchant_id' | 'livemode'>): Promise<bigint> {
  const { rows } = await sql<{ last_no: bigint }>`select last_no from ledger_books where merchant_id = ${merchant_id} and livemode = ${livemode}`.execute(db);
  return rows[0]?.last_no ?? 0n;
}

export type LinesAfter = { readonly biz_date: string; readonly no: bigint };

/** Whose lines, and of which days. */
export type LinesOf = Pick<NewStatement, 'merchant_id' | 'livemode' | 'store_id' | 'period_from' | 'period_through'> & {
  /** Only those above this number. */
  readonly above_no?: bigint;
};

/** The next page of a statement's lines, by index in the order of day and number. */
export async function readLines(db: Kysely<Tables>, of: LinesOf, up_to_no: bigint, after: LinesAfter): Promise<PostingRow[]> {
  const store = of.store_id === null ? sql`` : sql`and store_id = ${of.store_id}`;
  const { rows } =
    await sql<PostingRow>`select id, no, kind, biz_date, fact_at, amount_fen, fee_fen, payment_id, refund_id, store_id, channel_account_id, channel, method, detail
    from ledger_postings where merchant_id = ${of.merchant_id} and livemode = ${of.livemode} ${store}
      and (biz_date, no) > (${after.biz_date}::date, ${after.no}) and biz_date >= ${of.period_from}::date and biz_date <= ${of.period_through}::date and no <= ${up_to_no} and no > ${of.above_no ?? 0n}
      and (kind in ('payment', 'refund') or (kind = 'reversal' and detail ->> 'reversed_kind' in ('payment', 'refund')))
    order by biz_date, no limit ${statement_page_lines}`.execute(db);
  return rows;
}

export type Before = { readonly id: string; readonly up_to_no: bigint };

/** The last statement that was made of the days right before a period, and how far it was read. */
export async function findBefore(db: Kysely<Tables>, { merchant_id, livemode, store_id, period_from }: NewStatement): Promise<Before | undefined> {
  const { rows } = await sql<Before>`select id, up_to_no from statements where merchant_id = ${merchant_id} and livemode = ${livemode}
    and store_id is not distinct from ${store_id} and period_through = ${period_from}::date - 1 and up_to_no is not null order by up_to_no desc, id desc limit 1`.execute(
    db,
  );
  return rows[0];
}

export type OpenDaysOf = Pick<NewStatement, 'livemode' | 'period_from' | 'period_through'>;

/**
 * Days of channel accounts with money or a bill in a period that are not closed in reconciliation, which these channels have, of each
 * merchant that has some. The rows of reconciliation are read and nothing of it is imported: both modules stand on one floor.
 */
export async function countOpenDays(
  db: Kysely<Tables>,
  merchant_ids: readonly string[],
  { livemode, period_from, period_through }: OpenDaysOf,
  channels: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const within = sql`merchant_id = any (${merchant_ids}::text[]) and livemode = ${livemode} and biz_date between ${period_from}::date and ${period_through}::date`;
  const { rows } = await sql<{ merchant_id: string; open: number }>`select merchant_id, count(*)::integer as open from (
      select merchant_id, party_id as account_id, biz_date from ledger_turnovers where ${within} and account = 'channel_receivable'
      union select merchant_id, channel_account_id, biz_date from bill_days where ${within} and kind = 'trade'
    ) d where exists (select 1 from channel_accounts a where a.merchant_id = d.merchant_id and a.id = d.account_id and a.channel = any (${channels}::text[]))
      and not exists (select 1 from bill_days b where b.merchant_id = d.merchant_id and b.channel_account_id = d.account_id and b.kind = 'trade'
        and b.biz_date = d.biz_date and b.closed_at is not null) group by merchant_id`.execute(db);
  return new Map(rows.map(({ merchant_id, open }) => [merchant_id, open]));
}

/** What channels kept of the days of a period, by their bills, which say nothing of one store, and what was agreed that they keep. */
export async function readChannelFees(
  db: Kysely<Tables>,
  { merchant_id, livemode, store_id, period_from, period_through }: NewStatement,
): Promise<ChannelFees> {
  const billed = await sql<{ key: string; fee_millifen: bigint }>`select d.biz_date::text || '/' || d.channel_account_id as key, b.fee_millifen from bill_days d
    join bills b on b.merchant_id = d.merchant_id and b.id = d.bill_id
    where d.merchant_id = ${merchant_id} and d.livemode = ${livemode} and d.kind = 'trade' and d.biz_date between ${period_from}::date and ${period_through}::date
      and b.fee_millifen is not null and ${store_id}::text is null`.execute(db);
  const rates = await sql<{ channel_account_id: string; fee_rate_ppm: number }>`select channel_account_id, fee_rate_ppm from recon_settings
    where merchant_id = ${merchant_id} and fee_rate_ppm is not null`.execute(db);
  return {
    billed: new Map(billed.rows.map(({ key, fee_millifen }) => [key, fee_millifen])),
    rates: new Map(rates.rows.map(({ channel_account_id, fee_rate_ppm }) => [channel_account_id, fee_rate_ppm])),
  };
}

/** Puts off the making of a statement. */
export async function postpone(ctx: Ctx, { merchant_id, id }: Key, next_make_at: Date): Promise<void> {
  await sql`update statements set next_make_at = ${next_make_at} where merchant_id = ${merchant_id} and id = ${id} and state = 'preparing'`.execute(
    ctx.db.kysely,
  );
}

export async function insertChunk(
  ctx: Ctx,
  { merchant_id, id }: Key,
  chunk: { readonly run: string; readonly format: StatementFormat; readonly nth: number; readonly bytes: Buffer },
): Promise<void> {
  await ctx.db.kysely
    .insertInto('statement_chunks')
    .values({ merchant_id, statement_id: id, ...chunk })
    .execute();
}

export async function readChunk(ctx: Ctx, { merchant_id, id }: Key, run: string, format: StatementFormat, nth: number): Promise<Buffer | undefined> {
  const { rows } = await sql<{ bytes: Buffer }>`select bytes from statement_chunks
    where merchant_id = ${merchant_id} and statement_id = ${id} and run = ${run} and format = ${format} and nth = ${nth}`.execute(ctx.db.kysely);
  return rows[0]?.bytes;
}

/** Forgets what other tries left behind. */
export async function dropChunks(ctx: Ctx, { merchant_id, id }: Key, but_run: string): Promise<void> {
  await sql`delete from statement_chunks where merchant_id = ${merchant_id} and statement_id = ${id} and run <> ${but_run}`.execute(ctx.db.kysely);
}

export type Finished = {
  readonly run: string;
  readonly lines: bigint;
  readonly up_to_no: bigint;
  readonly provisional: boolean;
  readonly open_days: number;
  readonly totals: StatementTotals;
  readonly files: readonly FileFacts[];
  readonly manifest: string;
  readonly signature: Buffer;
  readonly signing_key_id: string;
  readonly ready_at: Date;
};

/** The first try that ends makes the statement; false for any later one. */
export async function finishStatement(ctx: Ctx, { merchant_id, id }: Key, done: Finished): Promise<boolean> {
  const updated = await ctx.db.kysely
    .updateTable('statements')
    .set({ ...done, totals: JSON.stringify(done.totals), files: JSON.stringify(done.files), state: 'ready', next_make_at: null })
    .where('merchant_id', '=', merchant_id)
    .where('id', '=', id)
    .where('state', '=', 'preparing')
    .executeTakeFirst();
  return updated.numUpdatedRows === 1n;
}

export type SigningKeyRow = {
  readonly merchant_id: string;
  readonly id: string;
  readonly public_key: Buffer;
  readonly private_key_sealed: Buffer;
  readonly created_at: Date;
};

/** The merchant's key: the one that is there, or this one. */
export async function keepSigningKey(ctx: Ctx, fresh: SigningKeyRow): Promise<SigningKeyRow> {
  await ctx.db.kysely
    .insertInto('statement_keys')
    .values(fresh)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return await ctx.db.kysely.selectFrom('statement_keys').selectAll().where('merchant_id', '=', fresh.merchant_id).executeTakeFirstOrThrow();
}

export const findSigningKey = (ctx: Ctx, merchant_id: string): Promise<SigningKeyRow | undefined> =>
  ctx.db.kysely.selectFrom('statement_keys').selectAll().where('merchant_id', '=', merchant_id).executeTakeFirst();

export type TermsRow = Terms & { readonly merchant_id: string; readonly channel_account_id: string; readonly set_by: string | null };

export const readTerms = (ctx: Ctx, merchant_id: string): Promise<TermsRow[]> =>
  ctx.db.kysely.selectFrom('settlement_terms').selectAll().where('merchant_id', '=', merchant_id).orderBy('channel_account_id').execute() as Promise<
    TermsRow[]
  >;

export async function writeTerms(ctx: Ctx, { merchant_id, channel_account_id, ...terms }: TermsRow): Promise<void> {
  await ctx.db.kysely
    .insertInto('settlement_terms')
    .values({ merchant_id, channel_account_id, ...terms })
    .onConflict((conflict) => conflict.columns(['merchant_id', 'channel_account_id']).doUpdateSet(terms))
    .execute();
}

export const readCalendar = (ctx: Ctx): Promise<CalendarDay[]> => ctx.db.kysely.selectFrom('calendar_days').selectAll().orderBy('date').execute();

/** All of them or none. */
export async function writeCalendarDays(ctx: Ctx, days: readonly CalendarDay[]): Promise<void> {
  await sql`insert into calendar_days (date, working, confirmed)
    select * from unnest(${days.map(({ date }) => date)}::date[], ${days.map(({ working }) => working)}::boolean[], ${days.map(({ confirmed }) => confirmed)}::boolean[])
    on conflict (date) do update set working = excluded.working, confirmed = excluded.confirmed`.execute(ctx.db.kysely);
}
