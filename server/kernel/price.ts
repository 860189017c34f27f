import { type Fen, ZERO } from './money.ts';
import { divideRounded, type Rounding } from './rounding.ts';

/** Parts of a million: 0.6 % is 6000 ppm. */
const ppm = 1_000_000n;

/**
 * What payments cost: a merchant's price at us, or a channel's at the merchant. It stands in the kernel because routing
 * compares prices and statements apply them.
 */
export type Price = {
  readonly rounding: Rounding;
  /** By the volume of the calendar month so far. The first begins at zero, each further one at more. */
  readonly tiers: readonly [Tier, ...Tier[]];
  /** Of a refund: the fee goes back in proportion, or stays. */
  readonly refund: RefundedFee;
};
export const refunded_fees = ['returned', 'kept'] as const;
export type RefundedFee = (typeof refunded_fees)[number];

/** The terms of a payment that begins while the month's volume is `from_fen` or more. */
export type Tier = {
  readonly from_fen: Fen;
  readonly rate_ppm: number;
  /** For each payment, whatever its amount. */
  readonly per_item_fen: Fen;
  /** 保底: no payment costs less. */
  readonly min_fen: Fen;
  /** 封顶: no payment costs more; null for no such limit. */
  readonly max_fen: Fen | null;
};

/**
 * The fee of one payment: percentage, rounded as the price names it, and what each item costs, within floor and cap. A fee
 * is never more than the payment, also where the floor is.
 *
 * @param volume_fen What the month had before this payment: the whole payment has the terms of the tier that this reaches.
 */
export function feeOf(price: Price, amount_fen: Fen, volume_fen: Fen = ZERO): Fen {
  if (amount_fen < 0n || volume_fen < 0n) throw new RangeError('amounts and volumes are not negative');
  const { rate_ppm, per_item_fen, min_fen, max_fen } = tierAt(price, volume_fen);
  const usual = divideRounded(amount_fen * BigInt(rate_ppm), ppm, price.rounding) + per_item_fen;
  return least(amount_fen, most(min_fen, max_fen === null ? usual : least(max_fen, usual))) as Fen;
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const most = (a: bigint, b: bigint): bigint => -least(-a, -b);

/** The terms that hold at that volume. */
export function tierAt({ tiers }: Price, volume_fen: Fen): Tier {
  return tiers.findLast(({ from_fen }) => from_fen <= volume_fen) ?? tiers[0];
}

/** What was paid and taken, and what of it went back before. */
export type FeeTaken = { readonly amount_fen: Fen; readonly fee_fen: Fen; readonly refunded_fen: Fen; readonly returned_fen: Fen };

/**
 * What goes back of a fee with a refund. It is counted over all refunds so far, so that many small refunds return as much as
 * one, all of the fee once all of the money is back, and never more than was taken.
 */
export function returnedFee({ refund, rounding }: Pick<Price, 'refund' | 'rounding'>, taken: FeeTaken, refund_fen: Fen): Fen {
  const { amount_fen, fee_fen, refunded_fen, returned_fen } = taken;
  if (refund === 'kept' || amount_fen <= 0n) return ZERO;
  const refunded = refunded_fen + refund_fen;
  const all = refunded >= amount_fen ? fee_fen : divideRounded(fee_fen * refunded, amount_fen, rounding);
  return (all > returned_fen ? all - returned_fen : 0n) as Fen;
}
