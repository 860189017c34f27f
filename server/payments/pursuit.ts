import type { PaymentFact, RefundFact } from '../kernel/outcome.ts';
import { type Attempt, isBarcode } from './attempt.ts';
import type { Aggregate } from './change.ts';
import type { Payment } from './payment.ts';
import type { Refund } from './refund.ts';
import { absence_patience_ms, barcode_patience_ms, refund_steps_ms, send_lease_ms } from './schedule.ts';

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
  if (attempt.state !== 'sending' || (age_ms <= send_lease_ms && !isFirstOver(attempt))) return 'wait';
  if (fact.is === 'not_found') return isBarcode(attempt) ? 'undo' : 'resend';
  // The channel holds the order and we never saw what the payer needs: the same request gives it again.
  return fact.is === 'waiting' && !isBarcode(attempt) ? 'resend' : 'wait';
}

/**
 * Whoever sent the first request has its answer lost and had the channel asked before the lease was over. A code is shown to
 * one payer only, whichever of two requests with one number brings it; a payment code waits for the lease all the same.
 */
const isFirstOver = (attempt: Attempt): boolean => attempt.query_tries > 0 && !isBarcode(attempt);

/** Questions, a minute's worth of them, after which an attempt that has nothing to show is not waited for any longer. */
const shown_tries = 3;

/**
 * Whether the merchant is told to make another attempt, since this one has nothing that a payer could be shown. `repeated`: the
 * channel was just sent the order again and answered; `repeats`: it promises to answer a repeat like the first request.
 */
export function isLost({ payment }: Aggregate, attempt: Attempt, { repeated, repeats }: { readonly repeated: boolean; readonly repeats: boolean }): boolean {
  if (payment.state !== 'pending' || payment.closing !== null || attempt.reversing_at !== null) return false;
  if (attempt.state !== 'sending' || isBarcode(attempt) || attempt.next_action.type === 'new_attempt') return false;
  return attempt.query_tries >= shown_tries || (repeated && !repeats);
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
 * A refund that the channel does not know is sent, again under its number. Where nobody promises that a number is one refund, only
 * when a request before it can be nowhere any more and a channel that lags has caught up: it would give the money back twice.
 */
export function maySendRefund(refund: Pick<Refund, 'cause' | 'created_at' | 'query_tries'>, refunds_once: boolean, now: Date): boolean {
  return refunds_once || isFirstRequest(refund) || quietMs(refund, now) > absence_patience_ms;
}

/**
 * What a channel's answer to a refund that is pursued is worth. A request before it may still be on its way, and the repeat be
 * refused for the very money that the one before takes: such a no is final only when that one can be nowhere any more.
 */
export function pursuedRefundFact(refund: Pick<Refund, 'cause' | 'created_at' | 'query_tries'>, fact: RefundFact, now: Date): RefundFact {
  const settled = fact.is !== 'refused' || isFirstRequest(refund) || quietMs(refund, now) > absence_patience_ms;
  return settled ? fact : { is: 'unknown', cause: 'unlisted', detail: 'the repeat was refused' };
}

/** Whoever asks for a refund sends it, and whoever cancels a paid payment; money that was never the payment's waits for the sweeper's first turn. */
function isFirstRequest({ cause, query_tries }: Pick<Refund, 'cause' | 'query_tries'>): boolean {
  if (cause === 'merchant') return false;
  return query_tries <= (cause === 'cancel' ? 0 : 1);
}

/** For how long nothing was sent before this turn: since the request itself, or at least for the step between the last turn and this one. */
function quietMs({ created_at, query_tries }: Pick<Refund, 'created_at' | 'query_tries'>, now: Date): number {
  const step_ms = query_tries < 2 ? undefined : refund_steps_ms[Math.min(query_tries, refund_steps_ms.length + 1) - 2];
  return step_ms ?? now.getTime() - created_at.getTime();
}
