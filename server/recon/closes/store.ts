import { type RawBuilder, sql } from 'kysely';
import { dayStart, nextDay } from '../../channels/bill.ts';
import { assert } from '../../kernel/assert.ts';
import type { Ctx } from '../../platform/ctx.ts';
import type { Trx } from '../bills/store.ts';
import type { DayStatement } from '../days/equation.ts';
import type { CloseStatement, MerchantDay, Whole } from './close.ts';

type Of = 'payment' | 'refund';

/**
 * Ours of a day, whatever account it is of. Which accounts have payments is read out of the payments themselves, one step in the
 * index for each: years cost a day nothing, and a list of accounts can leave none out.
 */
function mine({ merchant_id, livemode, biz_date }: MerchantDay, of: Of): RawBuilder<unknown> {
  const of_day = (at: RawBuilder<unknown>) => sql`${at} >= ${dayStart(biz_date)} and ${at} < ${dayStart(nextDay(biz_date))}`;
  if (of === 'refund')
    return sql`select r.id, r.attempt_id, r.amount_fen, (select a.channel_account_id from attempts a where a.merchant_id = r.merchant_id and a.id = r.attempt_id) as channel_account_id
      from refunds r where r.merchant_id = ${merchant_id} and r.livemode = ${livemode} and r.state = 'succeeded' and ${of_day(sql`r.created_at`)}`;
  const taker = (after: RawBuilder<unknown>) => sql`(select a.channel_account_id from attempts a where a.merchant_id = ${merchant_id} and a.state = 'succeeded'
    and a.channel_account_id > ${after} order by a.channel_account_id limit 1)`;
  return sql`select a.id, a.id as attempt_id, a.amount_fen, a.channel_account_id
    from (with recursive takers (id) as (select ${taker(sql`''`)} union all select ${taker(sql`t.id`)} from takers t where t.id is not null) select id from takers where id is not null) t
    cross join lateral (select * from attempts a where a.merchant_id = ${merchant_id} and a.channel_account_id = t.id and a.state = 'succeeded' and ${of_day(sql`a.paid_at`)}) a
    where (select p.livemode from payments p where p.merchant_id = a.merchant_id and p.id = a.payment_id) = ${livemode}`;
}

/** What was posted of objects, with what undid it. Fees and suspense are of an account and name no attempt; in transit, a refund has taken nothing off what the channel owes yet. */
const posted = ({ merchant_id, livemode }: MerchantDay, of: Of) =>
  sql`p.merchant_id = ${merchant_id} and p.livemode = ${livemode} and p.attempt_id is not null and p.refund_id is ${sql.raw(of === 'payment' ? 'null' : 'not null')}
    and p.kind not in ('transit', 'transit_end')`;

/** What the ledger has on a day that the platform does not have at all; also where that day was closed and it counts on another. */
function unknown(day: MerchantDay, of: Of): RawBuilder<unknown> {
  const [table, id] = of === 'payment' ? ['attempts', 'attempt_id'] : ['refunds', 'refund_id'];
  const where = sql`${posted(day, of)} and p.fact_date = ${day.biz_date}::date
    and (select o.id from ${sql.table(table)} o where o.merchant_id = p.merchant_id and o.id = ${sql.ref(`p.${id}`)} and o.state = 'succeeded') is null`;
  return sql`select p.* from ledger_postings p where p.biz_date = ${day.biz_date}::date and ${where}
    union all select p.* from ledger_postings p where p.biz_date <> p.fact_date and ${where}`;
}

/** The sums of one side, each from its own table, and of no account. */
export async function readWhole(trx: Trx, day: MerchantDay, of: Of): Promise<Whole> {
  const sign = sql.raw(of === 'payment' ? '' : '-');
  const receivable = sql`(select sum(e.amount_fen) from ledger_entries e where e.merchant_id = p.merchant_id and e.posting_id = p.id and e.account = 'channel_receivable')`;
  const { rows } = await sql<Whole>`with mine as materialized (${mine(day, of)})
    select (select coalesce(sum(amount_fen), 0)::bigint from mine) as ours_fen,
      (select coalesce(sum((select ${sign}sum(${receivable}) from ledger_postings p where ${posted(day, of)} and p.attempt_id = mine.attempt_id
          ${of === 'payment' ? sql`` : sql`and p.refund_id = mine.id`})), 0) from mine)::bigint
      + (select coalesce(${sign}sum(${receivable}), 0) from (${unknown(day, of)}) p)::bigint as ledger_fen`.execute(trx);
  const [whole] = rows;
  assert(whole, 'a sum is a row');
  return whole;
}

export type AccountOfDay = {
  readonly channel_account_id: string;
  readonly channel: string | null;
  readonly bill_id: string | null;
  readonly fee_millifen: bigint | null;
  readonly matched_at: Date | null;
  /** Null: the account's day is not closed. */
  readonly statement: DayStatement | null;
};

/** The channel accounts that a day is made of: whose bill is wanted or there, and every one that has money of it here or in the ledger. */
export async function listAccounts(trx: Trx, day: MerchantDay): Promise<readonly AccountOfDay[]> {
  const { merchant_id, livemode, biz_date } = day;
  const { rows } = await sql<AccountOfDay>`with billed as materialized (
      select d.* from channel_accounts c join bill_days d on d.merchant_id = c.merchant_id and d.channel_account_id = c.id and d.kind = 'trade' and d.biz_date = ${biz_date}
      where c.merchant_id = ${merchant_id} and c.livemode = ${livemode}
    ), parts as (
      select channel_account_id from billed
      union select channel_account_id from (${mine(day, 'payment')}) m union select channel_account_id from (${mine(day, 'refund')}) m
      union select channel_account_id from (${unknown(day, 'payment')}) p union select channel_account_id from (${unknown(day, 'refund')}) p
    ) select p.channel_account_id, d.channel, d.bill_id, b.fee_millifen, d.matched_at, d.statement from parts p
      left join billed d using (channel_account_id) left join bills b on b.merchant_id = d.merchant_id and b.id = d.bill_id
      where p.channel_account_id is not null order by p.channel_account_id`.execute(trx);
  return rows;
}

/** Writes the close unless somebody else has. Not where an account's day is not as it was weighed: open again, or with another bill. */
export async function insertClose(
  ctx: Ctx,
  {
    statement,
    accounts,
    signature,
    signing_key_id,
    by,
    now,
  }: {
    readonly statement: CloseStatement;
    readonly accounts: readonly AccountOfDay[];
    readonly signature: Buffer;
    readonly signing_key_id: string;
    readonly by: string;
    readonly now: Date;
  },
): Promise<void> {
  const { merchant_id, livemode, biz_date } = statement;
  const ids = accounts.map(({ channel_account_id }) => channel_account_id);
  const bills = accounts.map(({ bill_id }) => bill_id);
  await sql`insert into daily_closes (merchant_id, livemode, biz_date, statement, signature, signing_key_id, closed_by, closed_at)
    select ${merchant_id}, ${livemode}, ${biz_date}::date, ${JSON.stringify(statement)}::jsonb, ${signature}, ${signing_key_id}, ${by}, ${now}
    where not exists (select 1 from recon_exceptions e where e.merchant_id = ${merchant_id} and e.channel_account_id = any (${ids}::text[]) and e.biz_date = ${biz_date}
        and e.closed_at is null)
      and not exists (select 1 from unnest(${ids}::text[], ${bills}::text[]) as w (id, bill_id)
        left join bill_days d on d.merchant_id = ${merchant_id} and d.channel_account_id = w.id and d.kind = 'trade' and d.biz_date = ${biz_date}
        where d.closed_at is null or d.bill_id is distinct from w.bill_id)
    on conflict do nothing`.execute(ctx.db.kysely);
}

export type CloseRow = { readonly statement: CloseStatement; readonly signature: Buffer; readonly public_key: string; readonly closed_at: Date };

const closes = sql`select c.statement, c.signature, k.public_key, c.closed_at from daily_closes c
  join recon_signing_keys k on k.merchant_id = c.merchant_id and k.id = c.signing_key_id`;

export async function findClose(ctx: Ctx, { merchant_id, livemode, biz_date }: MerchantDay): Promise<CloseRow | undefined> {
  const { rows } = await sql<CloseRow>`${closes} where c.merchant_id = ${merchant_id} and c.livemode = ${livemode} and c.biz_date = ${biz_date}`.execute(
    ctx.db.kysely,
  );
  return rows[0];
}

export type CloseFilter = {
  readonly merchant_id: string;
  readonly livemode?: boolean | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** Only days before this one; compared as text, since it may be anything. */
  readonly before?: string | undefined;
  readonly limit: number;
};

/** Closed days of a merchant, newest first. */
export async function listCloses(ctx: Ctx, { merchant_id, livemode, from, to, before, limit }: CloseFilter): Promise<readonly CloseRow[]> {
  const where = [sql`c.merchant_id = ${merchant_id}`];
  if (livemode !== undefined) where.push(sql`c.livemode = ${livemode}`);
  if (from !== undefined) where.push(sql`c.biz_date >= ${from}`);
  if (to !== undefined) where.push(sql`c.biz_date <= ${to}`);
  if (before !== undefined) where.push(sql`to_char(c.biz_date, 'YYYY-MM-DD') < ${before}`);
  const { rows } = await sql<CloseRow>`${closes} where ${sql.join(where, sql` and `)} order by c.biz_date desc, c.livemode desc limit ${limit}`.execute(
    ctx.db.kysely,
  );
  return rows;
}
