import { type RawBuilder, sql } from 'kysely';
import { dayStart, nextDay } from '../../channels/bill.ts';
import { assert } from '../../kernel/assert.ts';
import { recon_statement_ms_max } from '../../kernel/limits.ts';
import type { Ctx } from '../../platform/ctx.ts';
import type { BillDayRow, DayName } from '../bills/bill.ts';
import type { Trx } from '../bills/store.ts';
import type { ClosedDay } from './changes.ts';
import type { DayPostings, DayStatement, Side } from './equation.ts';

type Account = Omit<DayName, 'kind'>;

/** A transaction that reads large sums, all of the same instant. */
export const inWeighing = <T>(ctx: Ctx, work: (trx: Trx) => Promise<T>): Promise<T> =>
  ctx.db.kysely
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async (trx) => {
      await sql`select set_config('statement_timeout', ${String(recon_statement_ms_max)}, true), set_config('work_mem', '64MB', true)`.execute(trx);
      return work(trx);
    });

export type Weighed = Account & { readonly livemode: boolean; readonly bill_id: string | null };

/**
 * The sums of one side, each from its own table. What the day has is read by its time, what its bill is matched with by the
 * bill, and the rest one by one by key, as scalar queries that cannot become joins: years cost a day nothing.
 */
export async function readSide(trx: Trx, { merchant_id, livemode, channel_account_id, biz_date, bill_id }: Weighed, of: 'payment' | 'refund'): Promise<Side> {
  const is_payment = of === 'payment';
  const of_day = (at: RawBuilder<unknown>) => sql`${at} >= ${dayStart(biz_date)} and ${at} < ${dayStart(nextDay(biz_date))}`;
  const attempt = (id: RawBuilder<unknown>) => sql`a.merchant_id = ${merchant_id} and a.id = ${id} and a.channel_account_id = ${channel_account_id}`;
  const mine = is_payment
    ? sql`select id, id as attempt_id, amount_fen from attempts where merchant_id = ${merchant_id} and channel_account_id = ${channel_account_id} and state = 'succeeded'
        and ${of_day(sql`paid_at`)}`
    : sql`select r.id, r.attempt_id, r.amount_fen from refunds r where r.merchant_id = ${merchant_id} and r.state = 'succeeded' and ${of_day(sql`r.created_at`)}
        and (select a.id from attempts a where ${attempt(sql`r.attempt_id`)}) is not null`;
  /** What of ours has this id, whatever its day. */
  const amountOf = (id: RawBuilder<unknown>) =>
    is_payment
      ? sql`(select a.amount_fen from attempts a where ${attempt(id)} and a.state = 'succeeded')`
      : sql`(select r.amount_fen from refunds r where r.merchant_id = ${merchant_id} and r.id = ${id} and r.state = 'succeeded'
          and (select a.id from attempts a where ${attempt(sql`r.attempt_id`)}) is not null)`;
  // As `sideOf` says it of a line.
  const is_in = sql`(l.kind = 'payment' or (l.kind = 'other' and l.direction = 'in'))`;
  const lines = sql`${is_payment ? is_in : sql`not ${is_in}`} and l.state <> 'failed'`;
  const [first, past] = is_payment ? ['att', 'atu'] : ['ref', 'reg'];
  // What was posted of an object, with what undid it. Fees and suspense are of the account and name no attempt.
  const posted = sql`p.merchant_id = ${merchant_id} and p.livemode = ${livemode} and p.attempt_id is not null and p.refund_id is ${sql.raw(is_payment ? 'null' : 'not null')}`;
  const receivable = sql`(select sum(e.amount_fen) from ledger_entries e where e.merchant_id = p.merchant_id and e.posting_id = p.id and e.account = 'channel_receivable'
    and e.party_id = ${channel_account_id})`;
  const sign = sql.raw(is_payment ? '' : '-');
  const unknown = sql`${posted} and p.fact_date = ${biz_date}::date and ${amountOf(sql.raw(is_payment ? 'p.attempt_id' : 'p.refund_id'))} is null`;
  const { rows } = await sql<Side>`with mine as materialized (${mine}),
      billed as materialized (select object_id as id from recon_matches where merchant_id = ${merchant_id} and bill_id = ${bill_id} and object_id >= ${first} and object_id < ${past})
    select
      (select coalesce(sum(amount_fen), 0)::bigint from mine) as ours_fen,
      (select coalesce(sum((select ${sign}sum(${receivable}) from ledger_postings p where ${posted} and p.attempt_id = mine.attempt_id
          ${is_payment ? sql`` : sql`and p.refund_id = mine.id`})), 0) from mine)::bigint
      -- And what the ledger has on that day that the platform does not have at all; also where that day was closed and it counts on another.
      + (select coalesce(${sign}sum(${receivable}), 0) from ledger_postings p where p.biz_date = ${biz_date}::date and ${unknown})::bigint
      + (select coalesce(${sign}sum(${receivable}), 0) from ledger_postings p where p.biz_date <> p.fact_date and ${unknown})::bigint as ledger_fen,
      (select coalesce(sum(l.amount_fen), 0)::bigint from bill_lines l where l.merchant_id = ${merchant_id} and l.bill_id = ${bill_id} and ${lines}) as bill_fen,
      (select coalesce(sum(mine.amount_fen), 0)::bigint from mine left join billed using (id) where billed.id is null
        and (select m.line from recon_matches m where m.merchant_id = ${merchant_id} and m.object_id = mine.id) is not null) as elsewhere_fen,
      (select coalesce(sum(${amountOf(sql`billed.id`)}), 0)::bigint from billed left join mine using (id) where mine.id is null) as others_fen,
      (select coalesce(sum((select sum(e.our_fen) from recon_exceptions e where e.merchant_id = ${merchant_id} and e.object_id = mine.id
        and e.channel_account_id = ${channel_account_id} and e.of = ${of} and e.standing)), 0)::bigint from mine) as ours_alone_fen,
      -- A difference of a line is of the day of its bill.
      (select coalesce(sum(e.bill_fen), 0)::bigint from recon_exceptions e where e.merchant_id = ${merchant_id} and e.channel_account_id = ${channel_account_id}
        and e.biz_date = ${biz_date} and e.of = ${of} and e.standing and e.bill_id = ${bill_id}) as bill_alone_fen`.execute(trx);
  const [side] = rows;
  assert(side, 'a sum is a row');
  return side;
}

/** What is posted of the day's fee and differences, and is not undone. */
export async function readDayPostings(trx: Trx, { merchant_id, channel_account_id, biz_date, bill_id }: Weighed): Promise<DayPostings> {
  const { rows } = await sql<DayPostings>`select
      (select coalesce(sum(e.amount_fen), 0)::bigint from bills b join ledger_entries e on e.merchant_id = b.merchant_id and e.posting_id = b.fee_posting_id and e.account = 'channel_fee'
        where b.merchant_id = ${merchant_id} and b.channel_account_id = ${channel_account_id} and b.kind = 'trade' and b.biz_date = ${biz_date} and b.id = ${bill_id}
          and not exists (select 1 from ledger_postings r where r.merchant_id = b.merchant_id and r.reverses_id = b.fee_posting_id)) as fee_fen,
      (select coalesce(sum(e.amount_fen), 0)::bigint from recon_exceptions x join ledger_entries e on e.merchant_id = x.merchant_id and e.posting_id = x.posting_id and e.account = 'suspense'
        where x.merchant_id = ${merchant_id} and x.channel_account_id = ${channel_account_id} and x.biz_date = ${biz_date}
          and not exists (select 1 from ledger_postings r where r.merchant_id = x.merchant_id and r.reverses_id = x.posting_id)) as suspense_fen`.execute(trx);
  const [postings] = rows;
  assert(postings, 'a sum is a row');
  return postings;
}

export async function countExceptions(trx: Trx, day: Account): Promise<readonly { readonly kind: string; readonly open: bigint; readonly all: bigint }[]> {
  const { rows } = await sql<{
    kind: string;
    open: bigint;
    all: bigint;
  }>`select kind, count(*) filter (where closed_at is null) as open, count(*) as all from recon_exceptions
    where merchant_id = ${day.merchant_id} and channel_account_id = ${day.channel_account_id} and biz_date = ${day.biz_date} group by kind order by kind`.execute(
    trx,
  );
  return rows;
}

export async function writeClose(
  ctx: Ctx,
  day: Account,
  close: { statement: DayStatement; signature: Buffer; signing_key_id: string; by: string; now: Date },
): Promise<boolean> {
  const { version } = close.statement;
  const { rows } =
    await sql`with closed as (update bill_days set statement = ${JSON.stringify(close.statement)}::jsonb, signature = ${close.signature}, signing_key_id = ${close.signing_key_id},
      closed_by = ${close.by}, closed_at = ${close.now}, close_version = ${version}, later_payments_fen = 0, later_refunds_fen = 0
    where merchant_id = ${day.merchant_id} and channel_account_id = ${day.channel_account_id} and kind = 'trade' and biz_date = ${day.biz_date} and coalesce(close_version, 0) = ${version - 1}
      and bill_id is not distinct from ${close.statement.bill_id} and not exists (select 1 from recon_exceptions e where e.merchant_id = ${day.merchant_id}
        and e.channel_account_id = ${day.channel_account_id} and e.biz_date = ${day.biz_date} and e.closed_at is null)
      returning merchant_id, channel_account_id, biz_date, close_version, statement, signature, signing_key_id, closed_by, closed_at)
    insert into recon_day_closes (merchant_id, channel_account_id, biz_date, version, statement, signature, signing_key_id, closed_by, closed_at) select * from closed
    returning biz_date`.execute(ctx.db.kysely);
  return rows.length === 1;
}

export type ClosedRow = { readonly statement: DayStatement; readonly signature: Buffer; readonly public_key: string; readonly closed_at: Date };

export async function findClosed(ctx: Ctx, day: Account): Promise<ClosedRow | undefined> {
  const { rows } = await sql<ClosedRow>`select d.statement, d.signature, k.public_key, d.closed_at from bill_days d
    join recon_signing_keys k on k.merchant_id = d.merchant_id and k.id = d.signing_key_id
    where d.merchant_id = ${day.merchant_id} and d.channel_account_id = ${day.channel_account_id} and d.kind = 'trade' and d.biz_date = ${day.biz_date}`.execute(
    ctx.db.kysely,
  );
  return rows[0];
}

/** Every version of a day that was signed, the last one first. */
export async function listCloses(ctx: Ctx, day: Account): Promise<readonly ClosedRow[]> {
  const { rows } = await sql<ClosedRow>`select c.statement, c.signature, k.public_key, c.closed_at from recon_day_closes c
    join recon_signing_keys k on k.merchant_id = c.merchant_id and k.id = c.signing_key_id
    where c.merchant_id = ${day.merchant_id} and c.channel_account_id = ${day.channel_account_id} and c.biz_date = ${day.biz_date} order by c.version desc`.execute(
    ctx.db.kysely,
  );
  return rows;
}

export type DayLine = BillDayRow &
  ClosedDay & {
    readonly close_version: number | null;
    readonly bill_version: number | null;
    readonly lines: number | null;
    readonly payment_fen: bigint | null;
    readonly refund_fen: bigint | null;
    readonly open_exceptions: bigint;
  };

export type DayFilter = {
  readonly kind?: 'trade';
  readonly merchant_id: string;
  readonly livemode?: boolean | undefined;
  readonly channel_account_id?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly limit: number;
};

/** Days, newest first, with their bills and what is open. */
export async function listDays(ctx: Ctx, filter: DayFilter): Promise<readonly DayLine[]> {
  const where = [sql`d.merchant_id = ${filter.merchant_id}`];
  if (filter.livemode !== undefined) where.push(sql`d.livemode = ${filter.livemode}`);
  if (filter.channel_account_id !== undefined) where.push(sql`d.channel_account_id = ${filter.channel_account_id}`);
  if (filter.kind !== undefined) where.push(sql`d.kind = ${filter.kind}`);
  if (filter.from !== undefined) where.push(sql`d.biz_date >= ${filter.from}`);
  if (filter.to !== undefined) where.push(sql`d.biz_date <= ${filter.to}`);
  const { rows } =
    await sql<DayLine>`select d.merchant_id, d.channel_account_id, d.kind, d.biz_date, d.livemode, d.channel, d.state, d.bill_id, d.problem, d.tries, d.next_fetch_at, d.matched_at,
      d.closed_at, d.close_version, d.later_payments_fen, d.later_refunds_fen,
      d.closed_at is not null and (d.matched_at is null or d.bill_id is distinct from d.statement->>'bill_id') as bill_changed,
      case when d.closed_at is null then 0 else (select count(*) from recon_exceptions e where e.merchant_id = d.merchant_id and e.channel_account_id = d.channel_account_id
        and e.biz_date = d.biz_date and (e.closed_at is null or e.closed_at > d.closed_at)) end as changed_exceptions, b.version as bill_version, b.lines, b.payment_fen, b.refund_fen,
      case when d.kind = 'trade' then (select count(*) from recon_exceptions e where e.merchant_id = d.merchant_id and e.channel_account_id = d.channel_account_id and e.biz_date = d.biz_date
        and e.closed_at is null) else 0 end as open_exceptions
    from bill_days d left join bills b on b.merchant_id = d.merchant_id and b.id = d.bill_id
    where ${sql.join(where, sql` and `)} order by d.biz_date desc, d.channel_account_id, d.kind desc limit ${filter.limit}`.execute(ctx.db.kysely);
  return rows;
}
