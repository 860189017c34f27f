import type { Fen } from '../../kernel/money.ts';
import { ZERO } from '../../kernel/money.ts';
import { feeOf, type Price, type Tier } from '../../kernel/price.ts';
import { type Refusal, refuse } from '../../kernel/refusal.ts';
import { divideRounded } from '../../kernel/rounding.ts';
import { readTerms } from '../../pricing/price-rule.ts';

/** How the channel rounds: each line to the fen, or the day as a whole, so that lines keep thousandths of a fen. */
export type FeeRounding = 'line' | 'batch';

/** A fee that is a rate and nothing else, as lines of a bill name it themselves. */
export const flatFee = (rate_ppm: number): Price => ({
  rounding: 'half_up',
  refund: 'returned',
  tiers: [{ from_fen: ZERO, rate_ppm, per_item_fen: ZERO, min_fen: ZERO, max_fen: null }],
});

/** What a person wrote of an account's fee; of one tier, since it is the channel's contract what would count as volume. */
export function readFeeTerms(value: unknown): Price | Refusal {
  const read = readTerms(value);
  if ('refused' in read || read.tiers.length === 1) return read;
  return refuse('parameter_invalid', 'terms.tiers', { expected: 'one tier', expected_zh: '须为一档' });
}

/** The one tier of an account's fee. */
export const termsOf = ({ tiers }: Price): Tier => tiers[0];

/** A rate alone: what goes back with a refund is the fee of the refund's own amount. */
export const isFlat = (fee: Price): boolean => {
  const { per_item_fen, min_fen, max_fen } = termsOf(fee);
  return per_item_fen === 0n && min_fen === 0n && max_fen === null;
};

/** The fee of a payment, in thousandths of a fen. */
function feeMillifen(fee: Price, amount_fen: Fen, rounding: FeeRounding): bigint {
  if (rounding === 'line') return feeOf(fee, amount_fen) * 1000n;
  const { rate_ppm, per_item_fen, min_fen, max_fen } = termsOf(fee);
  const usual = (amount_fen * BigInt(rate_ppm)) / 1000n + per_item_fen * 1000n;
  const capped = max_fen !== null && usual > max_fen * 1000n ? max_fen * 1000n : usual;
  const floored = capped < min_fen * 1000n ? min_fen * 1000n : capped;
  return floored > amount_fen * 1000n ? amount_fen * 1000n : floored;
}

export type Charged = {
  readonly direction: 'in' | 'out';
  readonly amount_fen: Fen;
  /** Of a refund: what was paid, a share of whose fee goes back; null where that is not known. */
  readonly paid_fen: Fen | null;
};

/**
 * The fee that a line should have, in thousandths of a fen: positive where it is charged, negative where it is given back.
 * Undefined: nobody can say.
 */
export function expectedFee(fee: Price, { direction, amount_fen, paid_fen }: Charged, rounding: FeeRounding): bigint | undefined {
  if (direction === 'in') return feeMillifen(fee, amount_fen, rounding);
  if (fee.refund === 'kept') return 0n;
  if (isFlat(fee)) return -feeMillifen(fee, amount_fen, rounding);
  if (paid_fen === null || paid_fen <= 0n) return undefined;
  const share = feeMillifen(fee, paid_fen, rounding) * amount_fen;
  return rounding === 'line' ? -divideRounded(share / 1000n, paid_fen, fee.rounding) * 1000n : -(share / paid_fen);
}
