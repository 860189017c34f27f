import { type Anomaly as AnomalyView, type NextAction, type Payment as PaymentView, type Refund as RefundView, refusal_reasons } from '@heliu/contract';
import { channelNo } from '../kernel/id.ts';
import { fenToNumber } from '../kernel/money.ts';
import { type Attempt, type ChannelRefusal, isLive } from './attempt.ts';
import type { AnomalyRow } from './change.ts';
import type { Payment } from './payment.ts';
import type { Refund } from './refund.ts';

/** Rows as the merchant sees them: the same view in answers, lists and events. */

/** The accepted attempt of a paid payment, else the latest. */
export const shownAttempt = (payment: Payment, attempts: readonly Attempt[]): Attempt | undefined => {
  const id = payment.accepted_attempt_id ?? payment.latest_attempt_id;
  return attempts.find((attempt) => attempt.id === id);
};

/** What a view takes from outside its rows. */
export type Seen = { readonly merchant_code: string; readonly public_url: string };

export function viewPayment(payment: Payment, attempt: Attempt | undefined, seen: Seen): PaymentView {
  return {
    object: 'payment',
    id: payment.id,
    livemode: payment.livemode,
    merchant_order_no: payment.merchant_order_no,
    amount_fen: fenToNumber(payment.amount_fen),
    currency: 'CNY',
    subject: payment.subject,
    state: payment.state,
    closed_reason: payment.closed_reason,
    closing: payment.closing !== null && payment.state === 'pending',
    paid_fen: fenToNumber(payment.paid_fen),
    refunding_fen: fenToNumber(payment.refunding_fen),
    refunded_fen: fenToNumber(payment.refunded_fen),
    next_action: nextAction(payment, attempt, seen),
    attempt: attempt ? viewAttempt(attempt, seen.merchant_code) : null,
    store_id: payment.store_id,
    terminal_id: payment.terminal_id,
    metadata: payment.metadata,
    expires_at: payment.expires_at.toISOString(),
    paid_at: payment.paid_at?.toISOString() ?? null,
    closed_at: payment.closed_at?.toISOString() ?? null,
    created_at: payment.created_at.toISOString(),
    version: payment.version,
  };
}

/** The page of a payment: its code is shown for as long as the payment is open, whoever scanned it before. */
export const checkoutUrl = (payment: Payment, { merchant_code, public_url }: Seen): string | undefined =>
  payment.checkout_token === null ? undefined : `${public_url}/c/${merchant_code}${payment.checkout_token}`;

function nextAction(payment: Payment, attempt: Attempt | undefined, seen: Seen): NextAction {
  if (payment.state !== 'pending' || payment.closing !== null) return { type: 'none' };
  const qr_content = checkoutUrl(payment, seen);
  if (qr_content !== undefined) return { type: 'show_qr', qr_content };
  // Ended at the channel while the payment is open: a node died before it went on with another account.
  if (attempt?.state === 'closed') return { type: 'new_attempt' };
  if (!attempt || !isLive(attempt)) return { type: 'none' };
  return attempt.next_action;
}

function viewAttempt(attempt: Attempt, merchant_code: string): NonNullable<PaymentView['attempt']> {
  return {
    id: attempt.id,
    method: attempt.method,
    channel: attempt.channel,
    channel_account_id: attempt.channel_account_id,
    state: attempt.state,
    disposition: attempt.disposition,
    channel_order_no: channelNo(merchant_code, attempt.id),
    channel_transaction_id: attempt.channel_transaction_id,
    payer_amount_fen: attempt.payer_amount_fen === null ? null : fenToNumber(attempt.payer_amount_fen),
    refusal: viewRefusal(attempt.refusal),
    created_at: attempt.created_at.toISOString(),
  };
}

function viewRefusal(refusal: ChannelRefusal | null): RefundView['refusal'] {
  if (!refusal) return null;
  const [message, message_zh] = refusal_reasons[refusal.reason];
  return { reason: refusal.reason, message, message_zh, channel_code: refusal.channel_code, channel_message: refusal.channel_message };
}

export function viewRefund(refund: Refund, merchant_code: string): RefundView {
  return {
    object: 'refund',
    id: refund.id,
    livemode: refund.livemode,
    payment_id: refund.payment_id,
    attempt_id: refund.attempt_id,
    merchant_refund_no: refund.merchant_refund_no,
    cause: refund.cause,
    amount_fen: fenToNumber(refund.amount_fen),
    currency: 'CNY',
    reason: refund.reason,
    state: refund.state,
    refusal: viewRefusal(refund.refusal),
    channel_refund_no: channelNo(merchant_code, refund.id),
    channel_refund_id: refund.channel_refund_id,
    metadata: refund.metadata,
    created_at: refund.created_at.toISOString(),
    accepted_at: refund.accepted_at?.toISOString() ?? null,
    refunded_at: refund.refunded_at?.toISOString() ?? null,
    version: refund.version,
  };
}

export function viewAnomaly(anomaly: AnomalyRow, created_at: Date): AnomalyView {
  const { fingerprint: _, ...shown } = anomaly;
  return { object: 'anomaly', ...shown, created_at: created_at.toISOString() };
}
