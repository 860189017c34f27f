import type { Exchange } from '../../channels/exchange.ts';
import { assert } from '../../kernel/assert.ts';
import type { PaymentFact, RefundFact, Success } from '../../kernel/outcome.ts';
import { findAccountById, getMerchant } from '../../merchants/service.ts';
import { isLive } from '../attempt.ts';
import { pursueAttempt } from '../closes/service.ts';
import type { PaymentsCtx } from '../ctx.ts';
import { isOpenRefund } from '../refund.ts';
import { applyRefundWord, pursueRefund } from '../refunds/service.ts';
import { accountOf, applyWord, notifyUrl } from '../service.ts';
import { findByAttempt, findRefund } from '../store.ts';
import { orderInput, refundInput } from '../upstream.ts';

/** What bills say of payments: the same way to the books as any other word of a channel, with the shared verifier before it. */

type BilledPayment = {
  readonly merchant_id: string;
  readonly channel_account_id: string;
  readonly attempt_id: string;
  readonly success: Success;
  readonly exchange: Exchange;
};

/** A line proves that the attempt was paid. Gives the state that it is in afterwards; undefined when it is not the account's. */
export async function applyBilledPayment(ctx: PaymentsCtx, { merchant_id, channel_account_id, attempt_id, success, exchange }: BilledPayment) {
  const first = await findByAttempt(ctx, merchant_id, attempt_id);
  const attempt = first?.attempts.find(({ id }) => id === attempt_id);
  // A bill speaks for its own account, whatever numbers stand in it.
  if (!first || !attempt || attempt.channel_account_id !== channel_account_id) return undefined;
  const merchant = await getMerchant(ctx, merchant_id);
  const fact: PaymentFact = { is: 'paid', success };
  const { aggregate } = await applyWord(ctx, merchant, await accountOf(ctx, attempt), attempt_id, { fact, exchange, via: 'bill' }, { first });
  return aggregate.attempts.find(({ id }) => id === attempt_id)?.state;
}

type BilledRefund = {
  readonly merchant_id: string;
  readonly channel_account_id: string;
  readonly refund_id: string;
  readonly fact: RefundFact;
  readonly exchange: Exchange;
};

/** A line proves that the refund went through. */
export async function applyBilledRefund(ctx: PaymentsCtx, { merchant_id, channel_account_id, refund_id, fact, exchange }: BilledRefund) {
  const refund = await findRefund(ctx, merchant_id, refund_id);
  const aggregate = refund && (await findByAttempt(ctx, merchant_id, refund.attempt_id));
  const attempt = aggregate?.attempts.find(({ id }) => id === refund?.attempt_id);
  const account = await findAccountById(ctx, channel_account_id);
  if (!refund || !account || attempt?.channel_account_id !== channel_account_id) return undefined;
  const merchant = await getMerchant(ctx, merchant_id);
  await applyRefundWord(ctx, merchant, account, refund, { fact, exchange, via: 'bill' });
  return (await findRefund(ctx, merchant_id, refund_id))?.state;
}

/** What the channel says of an order or a refund. */
export type Said =
  | { readonly asked: 'payment'; readonly fact: PaymentFact; readonly exchange: Exchange | undefined }
  | { readonly asked: 'refund'; readonly fact: RefundFact; readonly exchange: Exchange | undefined };

/**
 * Asks the channel about an attempt or refund that is settled here. Evidence for a person and nothing else: nothing is sent
 * again, and nothing of ours changes, whatever it answers. Undefined where it is not settled: `askAbout` takes the answer then.
 */
export async function askSettled(ctx: PaymentsCtx, merchant_id: string, object_id: string): Promise<Said | undefined> {
  const refund = object_id.startsWith('ref_') ? await findRefund(ctx, merchant_id, object_id) : undefined;
  if (refund && isOpenRefund(refund)) return undefined;
  const attempt_id = refund?.attempt_id ?? object_id;
  const aggregate = await findByAttempt(ctx, merchant_id, attempt_id);
  const attempt = aggregate?.attempts.find(({ id }) => id === attempt_id);
  if (!aggregate || !attempt || (!refund && isLive(attempt))) return undefined;
  const { code } = await getMerchant(ctx, merchant_id);
  const account = await findAccountById(ctx, attempt.channel_account_id);
  assert(account, 'an account with attempts stays');
  // Money of an order that was reversed went back with the order: the channel knows of no refund.
  if (!refund || attempt.reversing_at !== null)
    return { asked: 'payment', ...(await ctx.channels.query(account, orderInput(aggregate.payment, attempt, code))) };
  return { asked: 'refund', ...(await ctx.channels.refundQuery(account, refundInput(refund, attempt, code, notifyUrl(ctx, account)))) };
}

/** Asks the channel about an attempt or refund that is still open, and takes what it answers. */
export function askAbout(ctx: PaymentsCtx, merchant_id: string, object_id: string): Promise<void> {
  return object_id.startsWith('ref_') ? pursueRefund(ctx, merchant_id, object_id) : pursueAttempt(ctx, merchant_id, object_id);
}
