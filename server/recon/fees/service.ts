import { assert } from '../../kernel/assert.ts';
import type { Price } from '../../kernel/price.ts';
import { RefusalError } from '../../kernel/refusal.ts';
import type { Ctx } from '../../platform/ctx.ts';
import { writeTerms } from '../../pricing/price-rule.ts';
import type { DayName } from '../bills/bill.ts';
import { flatFee, readFeeTerms } from './fee.ts';
import * as store from './store.ts';

type Account = Pick<DayName, 'merchant_id' | 'channel_account_id'>;

/** The rate that an account has agreed on with its channel, and nothing else; null: the one that its bills name themselves. */
export const agreeFeeRate = (ctx: Ctx, { merchant_id, channel_account_id }: Account, fee_rate_ppm: number | null, by?: string): Promise<void> =>
  store.writeAgreed(ctx, { merchant_id, channel_account_id, fee_rate_ppm, fee_terms: null, by: by ?? null, now: ctx.clock.now() });

/** The same with a floor, a cap, so much for each payment, and its rounding. Throws `parameter_invalid`, which names the part that is wrong. */
export async function agreeFeeTerms(ctx: Ctx, { merchant_id, channel_account_id }: Account, terms: unknown, by?: string): Promise<Price> {
  const fee = readFeeTerms(terms);
  if ('refused' in fee) throw new RefusalError(fee);
  await store.writeAgreed(ctx, { merchant_id, channel_account_id, fee_rate_ppm: null, fee_terms: writeTerms(fee), by: by ?? null, now: ctx.clock.now() });
  return fee;
}

/** What the account has agreed on; null: what its bills name themselves. */
export async function agreedFee(ctx: Ctx, { merchant_id, channel_account_id }: Account): Promise<Price | null> {
  const { fee_rate_ppm, fee_terms } = await store.readAgreed(ctx, merchant_id, channel_account_id);
  if (fee_terms === null) return fee_rate_ppm === null ? null : flatFee(fee_rate_ppm);
  const fee = readFeeTerms(fee_terms);
  assert(!('refused' in fee), 'terms were read before they were kept');
  return fee;
}
