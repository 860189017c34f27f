import type { PaymentFact } from '../kernel/outcome.ts';
import { type Attempt, isBarcode } from './attempt.ts';
import type { Aggregate } from './change.ts';
import type { Payment } from './payment.ts';
import type { Refund } from './refund.ts';
import { absence_patience_ms, barcode_patience_ms, send_lease_ms } from './schedule.ts';

/** What to do with a live attempt after the channel was asked about it. */
export type NextStep = 'wait' | 'resend' | 'undo';

/**
 * An order that nobody should pay any more is undone at the channel. One that the channel never received is sent again
 * with the same number, but a payment code never is: it is reversed.
 */
export function nextStep({ payment }: Aggregate, attempt: Attempt, fact: PaymentFact, now: Date): NextStep {
  const age_ms = now.getTime() - attempt.created_at.getTime();
  const unwanted =
    payment.state !== 'pending' || payment.closing !== null || attempt.reversing_at !== null || (isBarcode(attempt) && age_ms > barcode_patience_ms);
  if (unwanted) return 'undo';
  if (attempt.state !== 'sending' || age_ms <= send_lease_ms) return 'wait';
  if (fact.is === 'not_found') return isBarcode(attempt) ? 'undo' : 'resend';
  // The channel holds the order and we never saw what the payer needs: the same request gives it again.
  return fact.is === 'waiting' && !isBarcode(attempt) ? 'resend' : 'wait';
}

/**
 * "No such order" settles a close only when nobody can pay it any more: our request is not on its way, and what the payer
 * was shown has expired at the channel with the payment.
 */
export function absenceIsFinal(payment: Payment, attempt: Attempt, now: Date): boolean {
  if (now.getTime() - attempt.created_at.getTime() <= absence_patience_ms) return false;
  return attempt.state === 'sending' || payment.expires_at <= now;
}

/**
 * A refund that the channel does not know is sent again under its number. Where nobody promises that a number is one refund, only
 * when the first request can be nowhere any more and a channel that lags has caught up: it would give the money back twice.
 */
export function mayResendRefund({ created_at }: Pick<Refund, 'created_at'>, refunds_once: boolean, now: Date): boolean {
  return refunds_once || now.getTime() - created_at.getTime() > absence_patience_ms;
}
