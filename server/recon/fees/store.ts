import { type RawBuilder, sql } from 'kysely';
import type { Fen } from '../../kernel/money.ts';
import type { Price } from '../../kernel/price.ts';
import type { Rounding } from '../../kernel/rounding.ts';
import type { Ctx } from '../../platform/ctx.ts';
import type { Terms } from '../../pricing/price-rule.ts';
import type { Trx } from '../bills/store.ts';
import type { StoredLine } from '../matching/classify.ts';
import type { Run } from '../matching/store.ts';
import { type FeeRounding, flatFee, isFlat, termsOf } from './fee.ts';

/** Table: recon_settings. */

/** What the account has agreed on: a rate, or terms as they were written down; both null: nothing. */
export type AgreedRow = { readonly fee_rate_ppm: number | null; readonly fee_terms: unknown };

export async function readAgreed(ctx: Ctx, merchant_id: string, channel_account_id: string): Promise<AgreedRow> {
  const { rows } =
    await sql<AgreedRow>`select fee_rate_ppm, fee_terms from recon_settings where merchant_id = ${merchant_id} and channel_account_id = ${channel_account_id}`.execute(
      ctx.db.kysely,
    );
  return rows[0] ?? { fee_rate_ppm: null, fee_terms: null };
}

export async function writeAgreed(
  ctx: Ctx,
  {
    merchant_id,
    channel_account_id,
    fee_rate_ppm,
    fee_terms,
    by,
    now,
  }: { merchant_id: string; channel_account_id: string; fee_rate_ppm: number | null; fee_terms: Terms | null; by: string | null; now: Date },
) {
  await sql`insert into recon_settings (merchant_id, channel_account_id, fee_rate_ppm, fee_terms, updated_at, updated_by)
    values (${merchant_id}, ${channel_account_id}, ${fee_rate_ppm}, ${fee_terms === null ? null : JSON.stringify(fee_terms)}::jsonb, ${now}, ${by})
    on conflict (merchant_id, channel_account_id) do update
      set fee_rate_ppm = excluded.fee_rate_ppm, fee_terms = excluded.fee_terms, updated_at = excluded.updated_at, updated_by = excluded.updated_by`.execute(
    ctx.db.kysely,
  );
}

export type FeeLine = StoredLine & { readonly matched_id: string | null; readonly paid_fen: Fen | null };

/** Lines whose fee is not what was agreed on, or what the rate in the line gives, at most `limit` of them. */
export async function readOddFees(
  trx: Trx,
  run: Run,
  { fee, rounding, limit }: { fee: Price | null; rounding: FeeRounding; limit: number },
): Promise<readonly FeeLine[]> {
  // What a refund gives back of a fee with a floor or a cap is a share of what its payment cost.
  const paid =
    fee === null || isFlat(fee)
      ? sql`null::bigint`
      : sql`(select a.amount_fen from refunds r join attempts a on a.merchant_id = r.merchant_id and a.id = r.attempt_id
          where r.merchant_id = l.merchant_id and r.id = l.object_id and l.direction = 'out')`;
  const rate = fee === null ? sql`l.fee_rate_ppm::bigint` : sql`${termsOf(fee).rate_ppm}::bigint`;
  const { rows } = await sql<FeeLine>`select * from (
      select l.bill_id, l.line, l.kind, l.direction, l.state, l.object_id, l.channel_order_no, l.channel_transaction_id, l.channel_refund_no,
        l.channel_refund_id, l.flow_no, l.amount_fen, l.settled_fen, l.fee_millifen, l.fee_rate_ppm, l.currency, l.receiver, l.at, ${paid} as paid_fen,
        (select case when m.bill_id = l.bill_id and m.line = l.line then m.object_id end from recon_matches m
          where m.merchant_id = l.merchant_id and m.object_id = l.object_id) as matched_id, ${rate} as rate_ppm
      from bill_lines l where l.merchant_id = ${run.merchant_id} and l.bill_id = ${run.bill_id} and l.state <> 'failed') l
    where l.fee_millifen <> ${expectedFeeSql(fee ?? flatFee(0), rounding)}
    order by l.line limit ${limit}`.execute(trx);
  return rows.map(({ rate_ppm: _, ...row }: FeeLine & { rate_ppm?: unknown }) => row);
}

/**
 * `expectedFee` of `fee.ts` over a row `l` of `direction`, `amount_fen`, `paid_fen` and `rate_ppm`, so that of a million lines those
 * alone are read that are off; null where nobody can say.
 */
export function expectedFeeSql(fee: Price, rounding: FeeRounding): RawBuilder<bigint | null> {
  const { per_item_fen, min_fen, max_fen } = termsOf(fee);
  const unit = rounding === 'line' ? 1n : 1000n;
  const inUnits = (fen: bigint | null) => sql`${fen === null ? null : fen * unit}::bigint`;
  const feeSql = (amount: RawBuilder<unknown>) => {
    const exact = sql`(${amount} * l.rate_ppm)`;
    const percentage =
      rounding === 'line' ? roundedSql({ over: exact, by: sql`1000000::bigint`, whole: (a, b) => sql`(${a} / ${b})` }, fee.rounding) : sql`(${exact} / 1000)`;
    if (isFlat(fee)) return percentage;
    // `least` passes over a null: no cap.
    return sql`least(${amount} * ${unit}::bigint, greatest(${inUnits(min_fen)}, least(${inUnits(max_fen)}, ${percentage} + ${inUnits(per_item_fen)})))`;
  };
  const millifen = sql`${1000n / unit}::bigint`;
  const amount = sql`l.amount_fen`;
  // In numeric: a fee times an amount may be more than a bigint.
  const share = sql`(${feeSql(sql`l.paid_fen`)}::numeric * ${amount})`;
  const paid = sql`nullif(l.paid_fen, 0)::numeric`;
  const whole = (a: RawBuilder<unknown>, b: RawBuilder<unknown>) => sql`div(${a}, ${b})`;
  const returned = rounding === 'line' ? roundedSql({ over: share, by: paid, whole }, fee.rounding) : whole(share, paid);
  const out = fee.refund === 'kept' ? sql`0` : isFlat(fee) ? sql`-${feeSql(amount)}` : sql`-(${returned})::bigint`;
  return sql`(case l.direction when 'in' then ${feeSql(amount)} else ${out} end * ${millifen})`;
}

type Division = {
  readonly over: RawBuilder<unknown>;
  readonly by: RawBuilder<unknown>;
  readonly whole: (over: RawBuilder<unknown>, by: RawBuilder<unknown>) => RawBuilder<unknown>;
};

/** `divideRounded` of what is not negative. */
function roundedSql({ over, by, whole }: Division, rounding: Rounding): RawBuilder<unknown> {
  switch (rounding) {
    case 'down':
      return whole(over, by);
    case 'up':
      return whole(sql`(${over} + ${by} - 1)`, by);
    case 'half_up':
      return whole(sql`(${over} * 2 + ${by})`, sql`(${by} * 2)`);
    case 'half_even':
      // Up as half_up does, but not from the middle to an odd one.
      return sql`(${whole(sql`(${over} * 2 + ${by})`, sql`(${by} * 2)`)} - case when mod(${over} * 2, ${by} * 2) = ${by} and mod(${whole(over, by)}, 2) = 0 then 1 else 0 end)`;
  }
}
