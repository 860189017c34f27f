import type { Exchange } from '../../channels/client.ts';
import type { PaymentFact, RefundFact, Success } from '../../kernel/outcome.ts';
import { findAccountById, getMerchant } from '../../merchants/service.ts';
import { pursueAttempt } from '../closes/service.ts';
import type { PaymentsCtx } from '../ctx.ts';
import { applyRefundWord, pursueRefund } from '../refunds/service.ts';
import { accountOf, applyWord } from '../service.ts';
import { findByAttempt, findRefund } from '../store.ts';

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

/** Asks the channel about an attempt or refund that is still open, and takes what it answers. */
export function askAbout(ctx: PaymentsCtx, merchant_id: string, object_id: string): Promise<void> {
  return object_id.startsWith('ref_') ? pursueRefund(ctx, merchant_id, object_id, { may_send: false }) : pursueAttempt(ctx, merchant_id, object_id);
}
