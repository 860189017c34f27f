import { type RawBuilder, sql, type Transaction } from 'kysely';
import type { BillAdjustment, BillKind, BillLine } from '../../channels/bill.ts';
import { assert } from '../../kernel/assert.ts';
import type { Ctx } from '../../platform/ctx.ts';
import { type Bulk, copyLine } from '../../platform/db/bulk.ts';
import type { Tables } from '../../platform/db/tables.gen.ts';
import type { BillDayRow, BillRow, DayName } from './bill.ts';

export type Trx = Transaction<Tables>;

type Published = { readonly channel: string; readonly kind: BillKind; readonly after_ms: number };

/** Which days may be made. */
type Opening = {
  readonly last: string;
  /** Where an account begins of which no day was made yet, unless it has an earlier one. */
  readonly begins: string;
  readonly earliest: string;
  /** Accounts that were closed before this want no day any more. */
  readonly closed_after: Date;
  readonly now: Date;
};

/**
 * Rows for the days whose bills are wanted and have none yet, from where the days of an account end that were made so far; its
 * first is the one that it was made on. Of a closed account: the days until it was closed, and those on which it paid or was paid.
 */
export async function openDays(ctx: Ctx, published: readonly Published[], { last, begins, earliest, closed_after, now }: Opening): Promise<void> {
  const columns = [published.map((each) => each.channel), published.map((each) => each.kind), published.map((each) => each.after_ms)];
  const local = (at: RawBuilder<unknown>) => sql`(${at} at time zone 'Asia/Shanghai')::date`;
  const begin = sql`(x.day::timestamp at time zone 'Asia/Shanghai')`;
  const end = sql`((x.day + 1)::timestamp at time zone 'Asia/Shanghai')`;
  await sql`with due as materialized (
      select a.merchant_id, a.id, a.livemode, a.channel, a.state, a.closed_at, p.kind, p.after_ms,
        greatest(${local(sql`a.created_at`)}, ${earliest}::date, coalesce(h.opened_through + 1, least(${begins}::date, (select min(d.biz_date) from bill_days d
          where d.merchant_id = a.merchant_id and d.channel_account_id = a.id and d.kind = p.kind)))) as first
      from channel_accounts a
      join unnest(${columns[0]}::text[], ${columns[1]}::text[], ${columns[2]}::bigint[]) as p (channel, kind, after_ms) on p.channel = a.channel
      left join bill_horizons h on h.merchant_id = a.merchant_id and h.channel_account_id = a.id and h.kind = p.kind
      where (h.opened_through is null or h.opened_through < ${last}::date) and (a.state <> 'closed' or a.closed_at >= ${closed_after})
    ), opened as (
      insert into bill_days (merchant_id, channel_account_id, kind, biz_date, livemode, channel, next_fetch_at, created_at)
      select x.merchant_id, x.id, x.kind, x.day, x.livemode, x.channel, ${begin} + make_interval(secs => x.after_ms / 1000.0), ${now}
      from (select due.*, d.day::date as day from due cross join lateral generate_series(first::timestamp, ${last}::timestamp, interval '1 day') as d (day)) x
      where x.state <> 'closed' or x.day <= ${local(sql`x.closed_at`)}
        or exists (select 1 from attempts a where a.merchant_id = x.merchant_id and a.channel_account_id = x.id and a.state = 'succeeded' and a.paid_at >= ${begin} and a.paid_at < ${end})
        or exists (select 1 from refunds r join attempts a on a.merchant_id = r.merchant_id and a.id = r.attempt_id and a.channel_account_id = x.id
          where r.merchant_id = x.merchant_id and r.created_at >= ${begin} and r.created_at < ${end} and r.state <> 'refused')
      on conflict do nothing
    ) insert into bill_horizons (merchant_id, channel_account_id, kind, opened_through) select merchant_id, id, kind, ${last}::date from due
    on conflict (merchant_id, channel_account_id, kind) do update set opened_through = greatest(bill_horizons.opened_through, excluded.opened_through)`.execute(
    ctx.db.kysely,
  );
}

const day_columns = sql.raw(
  'merchant_id, channel_account_id, kind, biz_date, livemode, channel, state, bill_id, problem, tries, next_fetch_at, matched_at, closed_at',
);

/** Takes days that are due; the time of the next look is the lease. */
export async function claimDays(ctx: Ctx, limit: number, now: Date, steps_ms: readonly number[]): Promise<readonly BillDayRow[]> {
  const { rows } = await sql<BillDayRow>`update bill_days d set tries = tries + 1,
      next_fetch_at = ${now}::timestamptz + make_interval(secs => (${steps_ms}::integer[])[least(d.tries + 1, cardinality(${steps_ms}::integer[]))] / 1000.0)
    from (select merchant_id, channel_account_id, kind, biz_date from bill_days where next_fetch_at <= ${now} order by next_fetch_at limit ${limit} for update skip locked) c
    where d.merchant_id = c.merchant_id and d.channel_account_id = c.channel_account_id and d.kind = c.kind and d.biz_date = c.biz_date
    returning ${sql.raw('d.merchant_id, d.channel_account_id, d.kind, d.biz_date, d.livemode, d.channel, d.state, d.bill_id, d.problem, d.tries, d.next_fetch_at, d.matched_at, d.closed_at')}`.execute(
    ctx.db.kysely,
  );
  return rows;
}

export async function findDay(ctx: Ctx, day: DayName): Promise<BillDayRow | undefined> {
  const { rows } = await sql<BillDayRow>`select ${day_columns} from bill_days
    where merchant_id = ${day.merchant_id} and channel_account_id = ${day.channel_account_id} and kind = ${day.kind} and biz_date = ${day.biz_date}`.execute(
    ctx.db.kysely,
  );
  return rows[0];
}

/** Makes the row of a day that nobody waited for: a bill uploaded for an older one. */
export async function ensureDay(ctx: Ctx, day: DayName, of: { livemode: boolean; channel: string; now: Date }): Promise<void> {
  await sql`insert into bill_days (merchant_id, channel_account_id, kind, biz_date, livemode, channel, next_fetch_at, created_at)
    values (${day.merchant_id}, ${day.channel_account_id}, ${day.kind}, ${day.biz_date}, ${of.livemode}, ${of.channel}, ${of.now}, ${of.now})
    on conflict do nothing`.execute(ctx.db.kysely);
}

/** Why a look brought nothing; `next` undefined leaves the time of the next look, null ends looking. */
export async function noteDay(ctx: Ctx, day: DayName, { state, problem, next }: { state?: 'empty'; problem: string | null; next?: null }): Promise<void> {
  await sql`update bill_days set problem = ${problem}, state = case when state = 'wanted' then coalesce(${state ?? null}, state) else state end,
      next_fetch_at = ${next === null ? sql`null` : sql`next_fetch_at`}
    where merchant_id = ${day.merchant_id} and channel_account_id = ${day.channel_account_id} and kind = ${day.kind} and biz_date = ${day.biz_date}`.execute(
    ctx.db.kysely,
  );
}

/** The time of the next look at a day whose bill is there. */
export async function scheduleLook(ctx: Ctx, day: DayName, next: Date | null): Promise<void> {
  await sql`update bill_days set next_fetch_at = ${next} where merchant_id = ${day.merchant_id} and channel_account_id = ${day.channel_account_id} and kind = ${day.kind}
    and biz_date = ${day.biz_date} and state <> 'wanted'`.execute(ctx.db.kysely);
}

const bill_columns = sql.raw(
  'merchant_id, id, livemode, channel, channel_account_id, kind, biz_date, version, source, state, sha256, bytes, lines, payment_count, payment_fen, refund_count, refund_fen, fee_millifen, problem, problem_line, imported_by, created_at, replaces_id, reads',
);

export async function findByContent(ctx: Ctx, day: DayName, sha256: Buffer): Promise<BillRow | undefined> {
  const { rows } =
    await sql<BillRow>`select ${bill_columns} from bills where merchant_id = ${day.merchant_id} and channel_account_id = ${day.channel_account_id}
    and kind = ${day.kind} and biz_date = ${day.biz_date} and sha256 = ${sha256}`.execute(ctx.db.kysely);
  return rows[0];
}

export async function findBill(ctx: Ctx, merchant_id: string, id: string): Promise<BillRow | undefined> {
  const { rows } = await sql<BillRow>`select ${bill_columns} from bills where merchant_id = ${merchant_id} and id = ${id}`.execute(ctx.db.kysely);
  return rows[0];
}

/** The bill of the day, where the channel itself gave it. */
export async function findGiven(ctx: Ctx, day: DayName): Promise<BillRow | undefined> {
  const { rows } =
    await sql<BillRow>`select ${bill_columns} from bills where merchant_id = ${day.merchant_id} and channel_account_id = ${day.channel_account_id}
    and kind = ${day.kind} and biz_date = ${day.biz_date} and state = 'current' and source = 'download'`.execute(ctx.db.kysely);
  return rows[0];
}

/** The bills of a day, the newest version first. */
export async function listBills(ctx: Ctx, day: DayName): Promise<readonly BillRow[]> {
  const { rows } =
    await sql<BillRow>`select ${bill_columns} from bills where merchant_id = ${day.merchant_id} and channel_account_id = ${day.channel_account_id}
    and kind = ${day.kind} and biz_date = ${day.biz_date} order by version desc`.execute(ctx.db.kysely);
  return rows;
}

/** Takes the next version of the day for a file whose lines are about to be read. */
export async function insertBill(
  ctx: Ctx,
  bill: Pick<
    BillRow,
    | 'merchant_id'
    | 'id'
    | 'livemode'
    | 'channel'
    | 'channel_account_id'
    | 'kind'
    | 'biz_date'
    | 'source'
    | 'sha256'
    | 'bytes'
    | 'imported_by'
    | 'created_at'
    | 'replaces_id'
  >,
): Promise<BillRow> {
  const { rows } =
    await sql<BillRow>`insert into bills (merchant_id, id, livemode, channel, channel_account_id, kind, biz_date, version, source, state, sha256, bytes, imported_by, created_at, replaces_id)
    select ${bill.merchant_id}, ${bill.id}, ${bill.livemode}, ${bill.channel}, ${bill.channel_account_id}, ${bill.kind}, ${bill.biz_date}::date,
      coalesce(max(version), 0) + 1, ${bill.source}, 'reading', ${bill.sha256}, ${bill.bytes}, ${bill.imported_by}, ${bill.created_at}, ${bill.replaces_id}::text
    from bills where merchant_id = ${bill.merchant_id} and channel_account_id = ${bill.channel_account_id} and kind = ${bill.kind} and biz_date = ${bill.biz_date}::date
    returning ${bill_columns}`.execute(ctx.db.kysely);
  const [row] = rows;
  assert(row, 'an insert gives its row');
  return row;
}

type Taking = { readonly source: BillRow['source']; readonly by: string; readonly replaces_id: string | null; readonly now: Date };

/** Takes over a file that was cut off or refused. Undefined when another was quicker, or is writing its lines right now. */
export async function takeOver(ctx: Ctx, bill: BillRow, { source, by, replaces_id, now }: Taking): Promise<BillRow | undefined> {
  const { rows } =
    await sql<BillRow>`update bills set state = 'reading', source = ${source}, imported_by = ${by}, replaces_id = ${replaces_id}, problem = null, problem_line = null, created_at = ${now}, reads = reads + 1
    where merchant_id = ${bill.merchant_id} and id in (select id from bills where merchant_id = ${bill.merchant_id} and id = ${bill.id} and state in ('reading', 'refused')
      and reads = ${bill.reads} for update skip locked) returning ${bill_columns}`.execute(ctx.db.kysely);
  return rows[0];
}

/** The channel itself has given the file that a person brought. */
export async function confirmBill(ctx: Ctx, bill: BillRow, by: string): Promise<void> {
  await sql`update bills set source = 'download', imported_by = ${by}, replaces_id = null where merchant_id = ${bill.merchant_id} and id = ${bill.id} and source = 'upload'`.execute(
    ctx.db.kysely,
  );
}

/** A person says again that a file which was brought by hand takes the place of the channel's own. */
export async function nameReplacer(ctx: Ctx, bill: BillRow, { by, replaces_id }: { by: string; replaces_id: string }): Promise<void> {
  await sql`update bills set source = 'upload', imported_by = ${by}, replaces_id = ${replaces_id} where merchant_id = ${bill.merchant_id} and id = ${bill.id}`.execute(
    ctx.db.kysely,
  );
}

/** Only whoever began to read it last refuses a file. */
export async function refuseBill(ctx: Ctx, bill: BillRow, problem: string, line: number | undefined): Promise<void> {
  await sql`update bills set state = 'refused', problem = ${problem}, problem_line = ${line ?? null}
    where merchant_id = ${bill.merchant_id} and id = ${bill.id} and state = 'reading' and reads = ${bill.reads}`.execute(ctx.db.kysely);
}

type Totals = Pick<BillRow, 'lines' | 'payment_count' | 'payment_fen' | 'refund_count' | 'refund_fen' | 'fee_millifen'>;
type Written = {
  readonly batches: AsyncIterable<readonly LineRow[]>;
  /** What the file came to, once its last line was read. */
  readonly whole: () => { readonly totals: Totals; readonly adjustments: readonly BillAdjustment[] };
};

/**
 * Writes the lines of a file and makes it the bill of its day, in one transaction that holds the row of the bill: a node that
 * dies leaves no lines, and of two that read the same file one writes. False: another has taken the file over meanwhile.
 */
export function writeBill(ctx: Ctx, bill: BillRow, { batches, whole }: Written): Promise<boolean> {
  async function* lines(): AsyncGenerator<string> {
    for await (const rows of batches) yield rows.map((row) => copyLine(valuesOf(bill, row))).join('');
  }
  const run = ({ query }: Bulk, statement: RawBuilder<unknown>) => query(statement.compile(ctx.db.kysely));
  return ctx.inBulk(async (bulk) => {
    const held = await run(
      bulk,
      sql`select 1 from bills where merchant_id = ${bill.merchant_id} and id = ${bill.id} and state = 'reading' and reads = ${bill.reads} for update`,
    );
    if (held.length === 0) return false;
    for (const table of ['bill_lines', 'bill_adjustments'])
      await run(bulk, sql`delete from ${sql.table(table)} where merchant_id = ${bill.merchant_id} and bill_id = ${bill.id}`);
    await bulk.copy({ table: 'bill_lines', columns: line_columns, lines: lines() });
    const { totals, adjustments } = whole();
    if (adjustments.length > 0)
      await run(
        bulk,
        sql`insert into bill_adjustments (merchant_id, bill_id, line, columns)
          select ${bill.merchant_id}, ${bill.id}, line, columns from jsonb_to_recordset(${JSON.stringify(adjustments)}::jsonb) as x (line integer, columns jsonb)`,
      );
    for (const statement of publishing(bill, totals)) await run(bulk, statement);
    return true;
  });
}

/**
 * From here on the file is the bill of its day; what was before is an older version. What the channel itself gave stays unless
 * it is named: `bills_current` is violated then.
 */
function publishing(bill: BillRow, totals: Totals): readonly RawBuilder<unknown>[] {
  const of_day = sql`merchant_id = ${bill.merchant_id} and channel_account_id = ${bill.channel_account_id} and kind = ${bill.kind} and biz_date = ${bill.biz_date}::date`;
  return [
    sql`update bills set state = 'superseded' where ${of_day} and state = 'current' and (source = 'upload' or ${bill.source === 'download'} or id = ${bill.replaces_id})`,
    sql`update bills set state = 'current', lines = ${totals.lines}, payment_count = ${totals.payment_count}, payment_fen = ${totals.payment_fen},
      refund_count = ${totals.refund_count}, refund_fen = ${totals.refund_fen}, fee_millifen = ${totals.fee_millifen}
      where merchant_id = ${bill.merchant_id} and id = ${bill.id}`,
    sql`update bill_days set state = 'imported', bill_id = ${bill.id}, problem = null, next_fetch_at = null, matched_at = null where ${of_day}`,
  ];
}

/** The channel gives an older version again, which another file had taken the place of. */
export async function restoreBill(ctx: Ctx, bill: BillRow): Promise<void> {
  await ctx.db.kysely.transaction().execute(async (trx) => {
    for (const statement of publishing(bill, bill)) await statement.execute(trx);
  });
}

export async function insertPiece(
  ctx: Ctx,
  { merchant_id, sha256, piece, sealed, now }: { merchant_id: string; sha256: Buffer; piece: number; sealed: Buffer; now: Date },
) {
  await sql`insert into bill_files (merchant_id, sha256, piece, sealed, created_at) values (${merchant_id}, ${sha256}, ${piece}, ${sealed}, ${now}) on conflict do nothing`.execute(
    ctx.db.kysely,
  );
}

export async function findPiece(ctx: Ctx, merchant_id: string, sha256: Buffer, piece: number): Promise<Buffer | undefined> {
  const { rows } = await sql<{
    sealed: Buffer;
  }>`select sealed from bill_files where merchant_id = ${merchant_id} and sha256 = ${sha256} and piece = ${piece}`.execute(ctx.db.kysely);
  return rows[0]?.sealed;
}

export type LineRow = { readonly line: BillLine; readonly object_id: string | null };

const line_columns = [
  'merchant_id',
  'bill_id',
  'line',
  'kind',
  'direction',
  'state',
  'object_id',
  'channel_order_no',
  'channel_transaction_id',
  'channel_refund_no',
  'channel_refund_id',
  'flow_no',
  'amount_fen',
  'settled_fen',
  'fee_millifen',
  'fee_rate_ppm',
  'currency',
  'receiver',
  'at',
] as const;

const valuesOf = ({ merchant_id, id }: BillRow, { line, object_id }: LineRow) => [
  merchant_id,
  id,
  line.line,
  line.kind,
  line.direction,
  line.state,
  object_id,
  line.channel_order_no,
  line.channel_transaction_id,
  line.channel_refund_no,
  line.channel_refund_id,
  line.flow_no,
  line.amount_fen,
  line.settled_fen,
  line.fee_millifen,
  line.fee_rate_ppm,
  line.currency,
  line.receiver,
  line.at,
];
