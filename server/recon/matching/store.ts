import { type RawBuilder, sql } from 'kysely';
import { dayStart, nextDay } from '../../channels/bill.ts';
import { firstId } from '../../kernel/id.ts';
import { recon_statement_ms_max } from '../../kernel/limits.ts';
import { addMs } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/ctx.ts';
import { violatedConstraint } from '../../platform/db/db.ts';
import type { Trx } from '../bills/store.ts';
import type { Missing, Ours, StoredLine } from './classify.ts';

/** One matching: an account, a day, and the bill of the day where there is one. */
export type Run = {
  readonly merchant_id: string;
  readonly merchant_code: string;
  readonly channel_account_id: string;
  readonly biz_date: string;
  readonly bill_id: string | null;
  readonly receiver: string;
  readonly is_large: boolean;
  /** Refunds are so many of its lines that a join by hash, which reads all payments, is the cheaper one. */
  readonly has_many_refunds: boolean;
  /** No line of the bill has been matched yet. */
  readonly is_fresh: boolean;
};

/**
 * A transaction for set-based work: long statements, memory for hash joins, plans for these very values. Nobody else matches
 * the same account meanwhile.
 */
export function inMatching<T>(ctx: Ctx, run: Run, work: (trx: Trx) => Promise<T>): Promise<T> {
  return ctx.db.kysely.transaction().execute(async (trx) => {
    await raiseLimits(trx);
    await sql`select set_config('work_mem', '64MB', true), set_config('plan_cache_mode', 'force_custom_plan', true),
      set_config('enable_nestloop', ${run.is_large ? 'off' : 'on'}, true)`.execute(trx);
    await holdAccount(trx, run);
    return work(trx);
  });
}

/** Statements over whole bills take as long as they take. */
export async function raiseLimits(trx: Trx): Promise<void> {
  await sql`select set_config('statement_timeout', ${String(recon_statement_ms_max)}, true), set_config('lock_timeout', ${String(recon_statement_ms_max)}, true),
    set_config('idle_in_transaction_session_timeout', '60000', true)`.execute(trx);
}

/** One at a time works on the differences of an account, until the transaction ends. */
export async function holdAccount(trx: Trx, { merchant_id, channel_account_id }: Pick<Run, 'merchant_id' | 'channel_account_id'>): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`${merchant_id}/${channel_account_id}`}, 7262003))`.execute(trx);
}

/** Matches of bills that are not current any more are nobody's. */
export async function dropSuperseded(trx: Trx, run: Run): Promise<void> {
  // By the key of a bill or two: by hash, all matches there ever were would be read.
  await joinByHash(trx, false);
  await sql`delete from recon_matches m using bills b where b.merchant_id = ${run.merchant_id} and b.channel_account_id = ${run.channel_account_id}
    and b.biz_date = ${run.biz_date} and b.state = 'superseded' and m.merchant_id = b.merchant_id and m.bill_id = b.id`.execute(trx);
  await joinByHash(trx, run.is_large);
}

const lines = (run: Run): RawBuilder<unknown> => sql`from bill_lines l where l.merchant_id = ${run.merchant_id} and l.bill_id = ${run.bill_id}`;
const unmatched = (run: Run): RawBuilder<unknown> => sql`${lines(run)}
  and not exists (select 1 from recon_matches m where m.merchant_id = ${run.merchant_id} and m.bill_id = ${run.bill_id} and m.line = l.line)`;
const unmatchedYet = (run: Run): RawBuilder<unknown> => (run.is_fresh ? lines(run) : unmatched(run));

export async function isFresh(ctx: Ctx, { merchant_id, bill_id }: Pick<Run, 'merchant_id' | 'bill_id'>): Promise<boolean> {
  const { rows } = await sql`select 1 from recon_matches where merchant_id = ${merchant_id} and bill_id = ${bill_id} limit 1`.execute(ctx.db.kysely);
  return rows.length === 0;
}

/**
 * Payments by our own number, everything equal: nearly all lines. Two lines of one payment: the first is matched, the other
 * is left. Hash Join over both sides.
 *
 * What no line of the bill was matched with before is written without looking at each row whether it is there, which takes
 * half as long (2026-11-22); where one is after all, because another bill has it too, all of them are looked at.
 */
export async function matchPayments(trx: Trx, run: Run): Promise<void> {
  const equal = sql`(select l.object_id, l.line, l.amount_fen, l.currency, l.channel_transaction_id ${unmatchedYet(run)} and l.kind = 'payment' and l.state = 'succeeded' and l.receiver = ${run.receiver} and l.object_id is not null) l
    join attempts a on a.merchant_id = ${run.merchant_id} and a.id = l.object_id and a.channel_account_id = ${run.channel_account_id} and a.state = 'succeeded'
      and a.amount_fen = l.amount_fen and a.currency = l.currency and a.channel_transaction_id = l.channel_transaction_id`;
  // What all rows have in common stays out of the sort.
  const insert = (where_taken: RawBuilder<unknown>) => sql`insert into recon_matches (merchant_id, object_id, channel_account_id, bill_id, line, key)
    select ${run.merchant_id}, x.id, ${run.channel_account_id}, ${run.bill_id}, x.line, 'order_no' from (select distinct on (a.id) a.id, l.line from ${equal} order by a.id, l.line) x ${where_taken}`;
  if (!(run.is_fresh && (await unlessTaken(trx, insert(sql``))))) await insert(sql`on conflict do nothing`).execute(trx);
}

/** False, and nothing is done, when something of ours is matched already. */
async function unlessTaken(trx: Trx, insert: RawBuilder<unknown>): Promise<boolean> {
  await sql`savepoint matching`.execute(trx);
  try {
    await insert.execute(trx);
  } catch (error) {
    if (violatedConstraint(error) !== 'recon_matches_pkey') throw error;
    await sql`rollback to savepoint matching`.execute(trx);
    return false;
  }
  await sql`release savepoint matching`.execute(trx);
  return true;
}

/**
 * Refunds by our own number. Few of them are looked up one by one: by hash, all payments of the account would be read. Done
 * again, lines that have their match have to be left out, which by one at a time is a walk over all matches for each.
 */
export async function matchRefunds(trx: Trx, run: Run): Promise<void> {
  await joinByHash(trx, run.is_large && (run.has_many_refunds || !run.is_fresh));
  await sql`insert into recon_matches (merchant_id, object_id, channel_account_id, bill_id, line, key)
    select ${run.merchant_id}, r.id, ${run.channel_account_id}, ${run.bill_id}, l.line, 'refund_no'
    from (select l.object_id, l.line, l.amount_fen, l.currency ${unmatchedYet(run)} and l.kind <> 'payment' and l.state <> 'failed' and l.receiver = ${run.receiver} and l.object_id is not null) l
    join refunds r on r.merchant_id = ${run.merchant_id} and r.id = l.object_id and r.state = 'succeeded' and r.amount_fen = l.amount_fen and r.currency = l.currency
    join attempts a on a.merchant_id = ${run.merchant_id} and a.id = r.attempt_id and a.channel_account_id = ${run.channel_account_id}
    order by l.line
    on conflict do nothing`.execute(trx);
  await joinByHash(trx, run.is_large);
}

/** Joins by hash, or as the planner thinks, until told otherwise. */
const joinByHash = async (trx: Trx, only: boolean): Promise<void> => {
  await sql`select set_config('enable_nestloop', ${only ? 'off' : 'on'}, true)`.execute(trx);
};

/** Lines that are left, and lines of other bills whose exception is still open: what is known of ours may have changed. */
export async function gatherLeftover(trx: Trx, run: Run): Promise<number> {
  // A few lines of any of the bills there ever were: looked up by key, whatever the size of today's bill.
  await joinByHash(trx, false);
  await sql`create temp table recon_open_lines on commit drop as
    select l.* from recon_exceptions e
    join bills b on b.merchant_id = e.merchant_id and b.id = e.bill_id and b.state = 'current'
    join bill_lines l on l.merchant_id = e.merchant_id and l.bill_id = e.bill_id and l.line = e.line
    where e.merchant_id = ${run.merchant_id} and e.channel_account_id = ${run.channel_account_id} and e.closed_at is null and e.of <> 'other'
      and e.bill_id is distinct from ${run.bill_id}`.execute(trx);
  await joinByHash(trx, run.is_large);
  await sql`create temp table recon_leftover on commit drop as
    select row_number() over (order by bill_id, line) as n, x.* from (
      select l.* ${unmatched(run)}
      union all
      select l.* from recon_open_lines l where not exists (select 1 from recon_matches m where m.merchant_id = l.merchant_id
        and m.bill_id = any (array(select distinct bill_id from recon_open_lines)) and m.bill_id = l.bill_id and m.line = l.line)
    ) x`.execute(trx);
  const { rows } = await sql<{ count: bigint }>`select count(*) as count from recon_leftover`.execute(trx);
  // The candidates below are looked up one by one.
  await joinByHash(trx, false);
  return Number(rows[0]?.count ?? 0);
}

/** A line that is left with what of ours it could be about. `repeated`: the same line stands before it. */
export type Pair = StoredLine & { readonly n: bigint; readonly repeated: boolean; readonly biz_date: string } & { readonly ours: JsonOurs | null };
type JsonOurs = Omit<Ours, 'amount_fen' | 'taken'> & { readonly amount_fen: string; readonly taken: 'here' | 'elsewhere' | null };

/** With another line, or with this very one by a repair that went on meanwhile: by the key of `recon_matches`, never line by line. */
const taken = sql`(select case when m.bill_id = l.bill_id and m.line = l.line then 'here' else 'elsewhere' end from recon_matches m where m.merchant_id = c.merchant_id and m.object_id = c.id)`;

/**
 * By our number, then the channel's; of a refund then the one refund of that order with that amount, where there is but one.
 * What belongs to another account is not looked at: a bill speaks for its own. A repair may match a line while this goes on.
 */
export async function readPairs(trx: Trx, run: Run, after: bigint, limit: number): Promise<readonly Pair[]> {
  const { rows } = await sql<Pair>`
    select l.n, l.bill_id, l.line, l.kind, l.direction, l.state, l.object_id, l.channel_order_no, l.channel_transaction_id, l.channel_refund_no, l.channel_refund_id, l.flow_no,
      l.amount_fen, l.settled_fen, l.fee_millifen, l.fee_rate_ppm, l.currency, l.receiver, l.at, b.biz_date,
      exists (select 1 from recon_leftover o where o.bill_id = l.bill_id and o.n < l.n and o.kind = l.kind and o.channel_order_no is not distinct from l.channel_order_no
        and o.channel_refund_no is not distinct from l.channel_refund_no and o.channel_refund_id is not distinct from l.channel_refund_id and l.kind in ('payment', 'refund')) as repeated,
      case when l.kind = 'payment' then pay.ours else ref.ours end as ours
    from recon_leftover l
    join bills b on b.merchant_id = ${run.merchant_id} and b.id = l.bill_id
    left join lateral (
      select jsonb_build_object('object_id', c.id, 'payment_id', c.payment_id, 'payment_state', p.state, 'state', c.state, 'amount_fen', c.amount_fen::text, 'currency', c.currency,
        'channel_transaction_id', c.channel_transaction_id, 'key', c.key, 'taken', ${taken}) as ours
      from (
        select a.*, 'order_no' as key, 1 as rank from attempts a where a.merchant_id = ${run.merchant_id} and a.id = l.object_id and a.channel_account_id = ${run.channel_account_id}
        union all
        select a.*, 'transaction_id', 2 from attempts a where a.merchant_id = ${run.merchant_id} and a.channel_account_id = ${run.channel_account_id}
          and a.channel_transaction_id = l.channel_transaction_id
      ) c join payments p on p.merchant_id = c.merchant_id and p.id = c.payment_id
      order by c.rank limit 1
    ) pay on l.kind = 'payment'
    left join lateral (
      select jsonb_build_object('object_id', c.id, 'payment_id', c.payment_id, 'payment_state', 'paid', 'state', c.state, 'amount_fen', c.amount_fen::text, 'currency', c.currency,
        'channel_transaction_id', null, 'key', c.key, 'taken', ${taken}) as ours
      from (
        select r.*, 'refund_no' as key, 1 as rank, 1::bigint as alike from refunds r where r.merchant_id = ${run.merchant_id} and r.id = l.object_id
        union all
        select r.*, 'refund_id', 2, 1 from attempts a join refunds r on r.merchant_id = a.merchant_id and r.payment_id = a.payment_id and r.attempt_id = a.id
          and r.channel_refund_id = l.channel_refund_id
          where a.merchant_id = ${run.merchant_id} and a.channel_account_id = ${run.channel_account_id} and a.channel_transaction_id = l.channel_transaction_id
        union all
        select r.*, 'unique', 3, count(*) over () from attempts a join refunds r on r.merchant_id = a.merchant_id and r.payment_id = a.payment_id and r.attempt_id = a.id
          and r.amount_fen = l.amount_fen and r.state <> 'refused' and (l.channel_refund_no is null or l.kind = 'reversal' or l.channel_refund_no = l.channel_order_no)
          where a.merchant_id = ${run.merchant_id} and a.channel_account_id = ${run.channel_account_id} and a.channel_transaction_id = l.channel_transaction_id
          and not exists (select 1 from recon_matches m where m.merchant_id = r.merchant_id and m.object_id = r.id)
      ) c join attempts own on own.merchant_id = c.merchant_id and own.id = c.attempt_id and own.channel_account_id = ${run.channel_account_id}
      where c.alike = 1 order by c.rank limit 1
    ) ref on l.kind <> 'payment' and (l.kind <> 'other' or l.direction = 'out')
    where l.n > ${after} order by l.n limit ${limit}`.execute(trx);
  return rows;
}

export type MatchRow = { readonly object_id: string; readonly bill_id: string; readonly line: number; readonly key: Ours['key'] };

export async function insertMatches(trx: Trx, run: Pick<Run, 'merchant_id' | 'channel_account_id'>, rows: readonly MatchRow[]): Promise<void> {
  if (rows.length === 0) return;
  await sql`insert into recon_matches (merchant_id, object_id, channel_account_id, bill_id, line, key)
    select ${run.merchant_id}, x.object_id, ${run.channel_account_id}, x.bill_id, x.line, x.key
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as x (object_id text, bill_id text, line integer, key text) on conflict do nothing`.execute(trx);
}

/** An open expectation has no limit, but the paths by which one becomes known late do: channels tell within days. */
const look_back_days = 7;

export type MissingRow = Missing & { readonly n: bigint; readonly own_date: string; readonly next_matched: boolean };

/**
 * What of ours no bill has had: of this day, and of days that were matched before. A merchant's years cost nothing here: each is
 * looked up by its key. Of a large day what was made within the days in question is joined with the matches of what was made
 * since then, as one set, and only the few that were made earlier are looked up. (As a set of a few, whose number is not
 * known yet, it could become a loop over all of them for each.)
 *
 * Afterwards rows are looked up one by one, which is right for the little that is left.
 */
export async function gatherMissing(trx: Trx, run: Run): Promise<void> {
  const { merchant_id, channel_account_id } = run;
  const from = dayStart(run.biz_date);
  const to = dayStart(nextDay(run.biz_date));
  const early = addMs(from, -look_back_days * 86_400_000);
  const { rows: days } = await sql<{
    biz_date: string;
  }>`select biz_date from bill_days where merchant_id = ${merchant_id} and channel_account_id = ${channel_account_id} and kind = 'trade'
    and biz_date >= ${run.biz_date}::date - ${look_back_days}::integer and biz_date <= ${run.biz_date} and (matched_at is not null or biz_date = ${run.biz_date})`.execute(
    trx,
  );
  const ofDays = (at: RawBuilder<unknown>) =>
    sql`${at} >= ${early} and ${at} < ${to} and (${at} at time zone 'Asia/Shanghai')::date = any (${days.map(({ biz_date }) => biz_date)}::date[])`;
  const paid = sql`select a.id as object_id, 'payment' as of, a.id as attempt_id, a.payment_id, a.state, a.amount_fen, a.paid_at as at from attempts a
    where a.merchant_id = ${merchant_id} and a.channel_account_id = ${channel_account_id} and a.state = 'succeeded' and ${ofDays(sql`a.paid_at`)}`;
  const refunded = sql`select r.id as object_id, 'refund' as of, r.attempt_id, r.payment_id, r.state, r.amount_fen, r.created_at as at from refunds r
    where r.merchant_id = ${merchant_id} and r.state = 'succeeded' and ${ofDays(sql`r.created_at`)}`;
  const asked = sql`select a.id as object_id, 'payment' as of, a.id as attempt_id, a.payment_id, a.state, a.amount_fen, a.created_at as at from attempts a
    where a.merchant_id = ${merchant_id} and a.channel_account_id = ${channel_account_id} and a.next_query_at is not null and a.state in ('sending', 'waiting')
      and a.created_at >= ${from} and a.created_at < ${to}`;
  // Not by `exists`: that could become a join with all matches there ever were.
  const byKey = (id: RawBuilder<unknown>) => sql`(select m.line from recon_matches m where m.merchant_id = ${merchant_id} and m.object_id = ${id}) is null`;
  const attempt = sql`a.id`;
  const refund = sql`r.id`;
  const [first_attempt, first_refund] = [firstId('attempt', early), firstId('refund', early)];
  const asSet = (id: RawBuilder<unknown>, first: string, past: string) => sql`${id} >= ${first} and not exists (select 1 from recon_matches m
    where m.merchant_id = ${merchant_id} and m.object_id = ${id} and m.object_id >= ${first} and m.object_id < ${past})`;

  await joinByHash(trx, run.is_large);
  await sql`create temp table recon_unmatched on commit drop as
    ${paid} and ${run.is_large ? asSet(attempt, first_attempt, 'atu') : byKey(attempt)}
    union all ${refunded} and ${run.is_large ? asSet(refund, first_refund, 'reg') : byKey(refund)}`.execute(trx);
  await joinByHash(trx, false);
  await sql`insert into recon_unmatched ${asked}`.execute(trx);
  if (run.is_large)
    await sql`insert into recon_unmatched ${paid} and a.id < ${first_attempt} and ${byKey(attempt)} union all ${refunded} and r.id < ${first_refund} and ${byKey(refund)}`.execute(
      trx,
    );
  await sql`create temp table recon_missing on commit drop as
    select row_number() over (order by u.object_id) as n, u.object_id, u.payment_id, u.of, u.state, u.amount_fen, a.channel_transaction_id,
      ${run.merchant_code} || substr(a.id, 5) as channel_order_no, u.at, u.own_date,
      coalesce((select y.matched_at is not null or y.biz_date = ${run.biz_date}::date from bill_days y where y.merchant_id = ${merchant_id} and y.channel_account_id = ${channel_account_id}
        and y.kind = 'trade' and y.biz_date = u.own_date + 1), false) as next_matched
    from (select *, (at at time zone 'Asia/Shanghai')::date as own_date from recon_unmatched) u
    join attempts a on a.merchant_id = ${merchant_id} and a.id = u.attempt_id and a.channel_account_id = ${channel_account_id}
    where not exists (select 1 from recon_exceptions e where e.merchant_id = ${merchant_id} and e.object_id = u.object_id and e.standing
      and e.line is not null and e.of <> 'other' and e.kind <> 'duplicate_line'
      and exists (select 1 from bills b where b.merchant_id = e.merchant_id and b.id = e.bill_id and b.state = 'current'))`.execute(trx);
}

/**
 * What of ours came into days after they were closed. Of the days whose payments may become known late; a day that is open
 * costs nothing.
 */
export async function noteLater(trx: Trx, { merchant_id, channel_account_id, biz_date }: Run): Promise<void> {
  const of_day = (at: RawBuilder<unknown>) =>
    sql`${at} >= (d.biz_date::timestamp at time zone 'Asia/Shanghai') and ${at} < ((d.biz_date + 1)::timestamp at time zone 'Asia/Shanghai')`;
  await sql`update bill_days b set later_payments_fen = x.payments_fen, later_refunds_fen = x.refunds_fen from (
      select d.biz_date,
        (select coalesce(sum(a.amount_fen), 0)::bigint from attempts a where a.merchant_id = d.merchant_id and a.channel_account_id = d.channel_account_id and a.state = 'succeeded'
          and ${of_day(sql`a.paid_at`)}) - (d.statement->'payments'->>'ours_fen')::bigint as payments_fen,
        (select coalesce(sum(r.amount_fen), 0)::bigint from refunds r where r.merchant_id = d.merchant_id and r.state = 'succeeded' and ${of_day(sql`r.created_at`)}
          and (select a.channel_account_id from attempts a where a.merchant_id = r.merchant_id and a.id = r.attempt_id) = d.channel_account_id)
          - (d.statement->'refunds'->>'ours_fen')::bigint as refunds_fen
      from bill_days d where d.merchant_id = ${merchant_id} and d.channel_account_id = ${channel_account_id} and d.kind = 'trade' and d.closed_at is not null
        and d.biz_date >= ${biz_date}::date - ${look_back_days}::integer and d.biz_date <= ${biz_date}
    ) x where b.merchant_id = ${merchant_id} and b.channel_account_id = ${channel_account_id} and b.kind = 'trade' and b.biz_date = x.biz_date
      and (b.later_payments_fen, b.later_refunds_fen) is distinct from (x.payments_fen, x.refunds_fen)`.execute(trx);
}

export async function readMissing(trx: Trx, after: bigint, limit: number): Promise<readonly MissingRow[]> {
  const { rows } = await sql<MissingRow>`select * from recon_missing where n > ${after} order by n limit ${limit}`.execute(trx);
  return rows;
}

/** Lines that the version before had otherwise, or not at all, and the other way round. */
export type Changed = {
  readonly bill_id: string;
  readonly line: number;
  readonly name: string;
  readonly channel_order_no: string | null;
  readonly channel_transaction_id: string | null;
  readonly object_id: string | null;
  readonly before_fen: bigint | null;
  readonly after_fen: bigint | null;
  /** Of the fee, in thousandths of a fen. */
  readonly before_millifen: bigint | null;
  readonly after_millifen: bigint | null;
};

export async function readReissued(trx: Trx, run: Run, limit: number): Promise<readonly Changed[]> {
  // A payment has no refund's numbers, and nothing equals null.
  const names = ['channel_order_no', 'channel_transaction_id', 'channel_refund_no', 'channel_refund_id'];
  const key = sql.raw(`kind, ${names.map((name) => `coalesce(${name}, '') as ${name}`).join(', ')}`);
  const sums = (
    bill: RawBuilder<unknown>,
  ) => sql`(select ${key}, max(object_id) as object_id, min(line) as line, sum(amount_fen) as fen, sum(fee_millifen) as fee, min(state) as state
    from bill_lines where merchant_id = ${run.merchant_id} and bill_id = ${bill} group by 1, 2, 3, 4, 5)`;
  const before = sql`(select id from bills where merchant_id = ${run.merchant_id} and channel_account_id = ${run.channel_account_id} and kind = 'trade' and biz_date = ${run.biz_date}
    and state = 'superseded' order by version desc limit 1)`;
  const { rows } = await sql<Changed>`select ${run.bill_id} as bill_id, coalesce(n.line, o.line) as line, coalesce(n.object_id, o.object_id) as object_id,
      concat_ws(' ', kind, ${sql.raw(names.map((name) => `nullif(${name}, '')`).join(', '))}) as name,
      nullif(channel_order_no, '') as channel_order_no, nullif(channel_transaction_id, '') as channel_transaction_id,
      o.fen::bigint as before_fen, n.fen::bigint as after_fen, o.fee::bigint as before_millifen, n.fee::bigint as after_millifen
    from ${sums(before)} o full join ${sums(sql`${run.bill_id}`)} n using (kind, ${sql.raw(names.join(', '))})
    where exists (select 1 from bills where merchant_id = ${run.merchant_id} and channel_account_id = ${run.channel_account_id} and kind = 'trade' and biz_date = ${run.biz_date} and state = 'superseded')
      and (o.fen is distinct from n.fen or o.fee is distinct from n.fee or o.state is distinct from n.state)
    order by line limit ${limit}`.execute(trx);
  return rows;
}

export type AdjustmentRow = { readonly line: number; readonly columns: readonly string[] };

/** What came beside the bill for a person, in its order. */
export async function readAdjustments(trx: Trx, { merchant_id, bill_id }: Run): Promise<readonly AdjustmentRow[]> {
  const { rows } =
    await sql<AdjustmentRow>`select line, columns from bill_adjustments where merchant_id = ${merchant_id} and bill_id = ${bill_id} order by line`.execute(trx);
  return rows;
}

/** What the balance should have moved by and what it did, where both bills of the day are there. */
export async function readFund(
  trx: Trx,
  run: Run,
): Promise<{ readonly traded_fen: bigint; readonly moved_fen: bigint; readonly split_fen: bigint } | undefined> {
  const { rows } = await sql<{ traded_fen: bigint; moved_fen: bigint; split_fen: bigint }>`select
      (select coalesce(sum(case direction when 'in' then settled_fen else -settled_fen end) - sum(fee_millifen) / 1000, 0)::bigint from bill_lines
        where merchant_id = ${run.merchant_id} and bill_id = ${run.bill_id} and state <> 'failed') as traded_fen,
      coalesce(sum(case direction when 'in' then amount_fen else -amount_fen end) filter (where l.kind in ('payment', 'refund', 'fee')), 0)::bigint as moved_fen,
      coalesce(sum(amount_fen) filter (where l.kind = 'split'), 0)::bigint as split_fen
    from bills b join bill_lines l on l.merchant_id = b.merchant_id and l.bill_id = b.id
    where b.merchant_id = ${run.merchant_id} and b.channel_account_id = ${run.channel_account_id} and b.kind = 'fund' and b.biz_date = ${run.biz_date} and b.state = 'current'
    group by b.id`.execute(trx);
  return rows[0];
}

/** False when the bill that was matched is not that of the day any more. */
export async function markMatched(trx: Trx, run: Run, now: Date): Promise<boolean> {
  const { rows } =
    await sql`update bill_days set matched_at = coalesce(matched_at, ${now}) where merchant_id = ${run.merchant_id} and channel_account_id = ${run.channel_account_id}
    and kind = 'trade' and biz_date = ${run.biz_date} and bill_id is not distinct from ${run.bill_id} returning biz_date`.execute(trx);
  return rows.length === 1;
}
