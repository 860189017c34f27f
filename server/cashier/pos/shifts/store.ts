import { methods, type ShiftTotal } from '@heliu/contract';
import { sql } from 'kysely';
import type { Ctx } from '../../../platform/ctx.ts';

/** Table: shifts. Reads payments and refunds of a terminal and the steps in which they became final. */
export type ShiftRow = {
  readonly merchant_id: string;
  readonly id: string;
  readonly livemode: boolean;
  readonly store_id: string;
  readonly terminal_id: string;
  readonly device_id: string;
  readonly cashier: string;
  readonly opened_at: Date;
  readonly closed_at: Date;
  readonly totals: readonly ShiftTotal[];
};

const columns = ['merchant_id', 'id', 'livemode', 'store_id', 'terminal_id', 'device_id', 'cashier', 'opened_at', 'closed_at', 'totals'] as const;

export type ShiftFilter = {
  readonly merchant_id: string;
  readonly livemode: boolean;
  readonly terminal_id?: string | undefined;
  readonly before_id?: string | undefined;
  readonly limit: number;
};

/** Newest first. */
export async function listShifts(ctx: Ctx, { merchant_id, livemode, terminal_id, before_id, limit }: ShiftFilter): Promise<ShiftRow[]> {
  let query = ctx.db.kysely.selectFrom('shifts').select(columns).where('merchant_id', '=', merchant_id).where('livemode', '=', livemode);
  if (terminal_id !== undefined) query = query.where('terminal_id', '=', terminal_id);
  if (before_id !== undefined) query = query.where('id', '<', before_id);
  return (await query.orderBy('id', 'desc').limit(limit).execute()) as unknown as ShiftRow[];
}

/** The hand-over of the shift that began then. */
export async function findShift(
  ctx: Ctx,
  { merchant_id, livemode, terminal_id, opened_at }: Pick<ShiftRow, 'merchant_id' | 'livemode' | 'terminal_id' | 'opened_at'>,
): Promise<ShiftRow | undefined> {
  const query = ctx.db.kysely.selectFrom('shifts').select(columns).where('merchant_id', '=', merchant_id).where('terminal_id', '=', terminal_id);
  return (await query.where('opened_at', '=', opened_at).where('livemode', '=', livemode).executeTakeFirst()) as unknown as ShiftRow | undefined;
}

/** Throws on `shifts_once` when another device handed the same shift over. */
export const insertShift = async (ctx: Ctx, { totals, ...shift }: ShiftRow): Promise<void> =>
  void (await ctx.db.kysely
    .insertInto('shifts')
    .values({ ...shift, totals: JSON.stringify(totals) })
    .execute());

export type Span = { readonly merchant_id: string; readonly terminal_id: string; readonly from: Date; readonly until: Date };

/**
 * What became final in a span of time, by method. The time is ours, of the step itself, and not the channel's time of
 * payment: a payment that is told late belongs to the shift that hears of it, and none falls between two.
 */
export async function totalsOf(ctx: Ctx, { merchant_id, terminal_id, from, until }: Span): Promise<ShiftTotal[]> {
  type Row = { method: keyof typeof methods; paid_count: number; paid_fen: string; refund_count: number; refunded_fen: string };
  const { rows } = await sql<Row>`
    select method, sum(paid_count)::integer as paid_count, sum(paid_fen)::text as paid_fen, sum(refund_count)::integer as refund_count,
      sum(refunded_fen)::text as refunded_fen
    from (
      select a.method, count(*) as paid_count, sum(p.paid_fen) as paid_fen, 0 as refund_count, 0 as refunded_fen from payments p
        join transitions t on t.merchant_id = p.merchant_id and t.object_id = p.id and t.to_state = 'paid' and t.at >= ${from} and t.at < ${until}
        join attempts a on a.merchant_id = p.merchant_id and a.id = p.accepted_attempt_id
        where p.merchant_id = ${merchant_id} and p.terminal_id = ${terminal_id} group by a.method
      union all
      select a.method, 0, 0, count(*), sum(r.amount_fen) from payments p
        join refunds r on r.merchant_id = p.merchant_id and r.payment_id = p.id and r.state = 'succeeded' and r.cause in ('merchant', 'cancel')
        join transitions t on t.merchant_id = r.merchant_id and t.object_id = r.id and t.to_state = 'succeeded' and t.at >= ${from} and t.at < ${until}
        join attempts a on a.merchant_id = r.merchant_id and a.id = r.attempt_id
        where p.merchant_id = ${merchant_id} and p.terminal_id = ${terminal_id} group by a.method
    ) x group by method`.execute(ctx.db.kysely);
  const by_wallet = Map.groupBy(rows, ({ method }) => methods[method].wallet as string);
  return [...by_wallet].toSorted().map(([wallet, members]) => ({
    wallet,
    paid_count: sum(members, ({ paid_count }) => paid_count),
    paid_fen: sum(members, ({ paid_fen }) => Number(paid_fen)),
    refund_count: sum(members, ({ refund_count }) => refund_count),
    refunded_fen: sum(members, ({ refunded_fen }) => Number(refunded_fen)),
  }));
}

const sum = <Row>(rows: readonly Row[], of: (row: Row) => number): number => rows.reduce((total, row) => total + of(row), 0);
