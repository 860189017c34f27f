import type { AnomalyKind } from '@heliu/contract';
import { assert } from '../kernel/assert.ts';
import { refunds_per_payment_max } from '../kernel/limits.ts';
import { move } from '../kernel/machine.ts';
import { addFen, subtractFen } from '../kernel/money.ts';
import type { RefundFact, Via } from '../kernel/outcome.ts';
import { type Refusal, refuse } from '../kernel/refusal.ts';
import { addMs } from '../kernel/time.ts';
import type { ChannelRefusal } from './attempt.ts';
import { type Aggregate, type Change, type DecisionEnv, untouched } from './change.ts';
import { park } from './park.ts';
import { refundable } from './payment.ts';
import { isOfPayment, isOpenRefund, type Refund, refund_table } from './refund.ts';
import { first_query_ms, isStuck, unknown_query_ms } from './schedule.ts';

/** Reserves the amount in the payment and adds the refund, in the one statement that the payment's version guards. */
export function decideRefund({ payment }: Aggregate, refund: Refund): Change | Refusal {
  if (payment.state !== 'paid') return refuse('payment_not_paid', 'payment_id');
  if (payment.refund_count >= refunds_per_payment_max) return refuse('too_many_refunds', 'payment_id');
  if (refund.amount_fen > refundable(payment)) return refuse('refund_exceeds_paid', 'amount_fen', { refundable_fen: Number(refundable(payment)) });
  const change = untouched(payment);
  return {
    ...change,
    payment: { ...change.payment, refunding_fen: addFen(payment.refunding_fen, refund.amount_fen), refund_count: payment.refund_count + 1 },
    new_refund: refund,
    transitions: [{ object_id: refund.id, version: 1, from_state: null, to_state: refund.state }],
  };
}

/**
 * Gives back money that was never the payment's: kept by the merchant until now, or refused by the channel when Heliu sent it
 * back. It goes back whole and touches none of the payment's amounts; that an attempt has one such refund, not counting
 * refused ones, is the index `refunds_automatic`.
 */
export function decideReturn({ payment, attempts }: Aggregate, refund: Refund): Change | Refusal {
  const attempt = attempts.find(({ id }) => id === refund.attempt_id);
  if (!attempt) return refuse('attempt_not_found', 'attempt_id');
  const { disposition, amount_fen } = attempt;
  if (disposition === null || disposition === 'accepted') return refuse('payment_not_paid', 'attempt_id');
  if (refund.amount_fen !== amount_fen) return refuse('refund_not_whole', 'amount_fen', { refundable_fen: Number(amount_fen) });
  return {
    ...untouched(payment),
    // The sweeper sends it, by the way of all money that is not a payment's: an order that was to be reversed is reversed first.
    new_refund: { ...refund, cause: disposition, next_query_at: refund.created_at },
    transitions: [{ object_id: refund.id, version: 1, from_state: null, to_state: refund.state }],
  };
}

/** A refund that the channel had refused went back after all, and so did another of the same attempt, or it is on its way. */
export const decideReturnedTwice = (aggregate: Aggregate, refund: Refund, env: DecisionEnv): Change =>
  parked(aggregate, refund, 'orphan_refund', { state: refund.state, received_fen: String(refund.amount_fen) }, env);

export type Heard = { readonly fact: RefundFact; readonly via: Via };

/** Decides what a channel's word on a refund changes. Undefined: nothing. */
export function decideRefundFact(aggregate: Aggregate, refund: Refund, { fact, via }: Heard, env: DecisionEnv): Change | undefined {
  if (refund.state === 'succeeded') return decideReversed(aggregate, refund, { fact, via }, env);
  switch (fact.is) {
    case 'succeeded':
      return decideSucceeded(aggregate, refund, fact, env);
    case 'pending':
      return decidePending(aggregate, refund, fact, env);
    case 'refused':
      return decideRefused(aggregate, refund, { reason: fact.reason, channel_code: fact.channel_code, channel_message: fact.channel_message ?? null }, env);
    case 'not_found':
      return stuck(aggregate, refund, 'not_found', env);
    case 'unknown':
      return stuck(aggregate, refund, fact.cause, env) ?? hurry(aggregate, refund, env);
  }
}

function hurry({ payment }: Aggregate, refund: Refund, env: DecisionEnv): Change | undefined {
  const at = addMs(env.now, unknown_query_ms);
  if (!isOpenRefund(refund) || refund.query_tries > 0 || !refund.next_query_at || refund.next_query_at <= at) return undefined;
  return { ...untouched(payment), refunds: [{ ...refund, next_query_at: at }] };
}

/**
 * What succeeded stays as it is, and nothing of the payment is free again: whether the money came back, and to whom, only a person
 * can find out, who is told once. An answer to a request proves nothing: it may be a no to a repeat. Nor does the news that money
 * could not arrive, unless it is younger than the success: the merchant may have named another card since.
 */
function decideReversed(aggregate: Aggregate, refund: Refund, { fact, via }: Heard, env: DecisionEnv): Change | undefined {
  assert(refund.refunded_at, 'a refund that succeeded did so at some time');
  const refunded_at = refund.refunded_at.toISOString();
  if (fact.is === 'refused' && via !== 'answer') {
    return parked(aggregate, refund, 'refund_reversed', { refunded_at, reason: fact.reason, channel_code: fact.channel_code }, env);
  }
  if (fact.is === 'pending' && fact.stopped_at && fact.stopped_at > refund.refunded_at) {
    return parked(aggregate, refund, 'refund_reversed', { refunded_at, stopped_at: fact.stopped_at.toISOString() }, env);
  }
  return undefined;
}

function decideSucceeded(aggregate: Aggregate, refund: Refund, fact: RefundFact & { is: 'succeeded' }, env: DecisionEnv): Change | undefined {
  if (fact.amount_fen !== refund.amount_fen) {
    return parked(aggregate, refund, 'refund_amount_mismatch', { expected_fen: String(refund.amount_fen), received_fen: String(fact.amount_fen) }, env);
  }
  const state = move(refund_table, refund.state, 'succeed');
  // A channel that said a final no before may prove itself wrong; then nothing is reserved any more.
  assert(state, 'any refund that has not succeeded can succeed');
  const unreserved = refund.state === 'refused' && isOfPayment(refund);
  // What it had reserved was given to another refund since.
  if (unreserved && refund.amount_fen > refundable(aggregate.payment)) {
    return parked(aggregate, refund, 'orphan_refund', { state: refund.state, received_fen: String(fact.amount_fen) }, env);
  }
  const after: Refund = {
    ...refund,
    state,
    refusal: null,
    channel_refund_id: fact.channel_refund_id ?? refund.channel_refund_id,
    // Its refusal has ended what was in transit.
    accepted_at: refund.state === 'refused' ? null : refund.accepted_at,
    refunded_at: fact.refunded_at ?? env.now,
    next_query_at: null,
    version: refund.version + 1,
  };
  const change = changed(aggregate, refund, after);
  const { payment } = change;
  return {
    ...change,
    payment: isOfPayment(refund)
      ? {
          ...payment,
          refunding_fen: unreserved ? payment.refunding_fen : subtractFen(payment.refunding_fen, refund.amount_fen),
          refunded_fen: addFen(payment.refunded_fen, refund.amount_fen),
        }
      : payment,
    events: [{ type: 'refund.succeeded', of: 'refund' }],
  };
}

function decidePending(aggregate: Aggregate, refund: Refund, fact: RefundFact & { is: 'pending' }, env: DecisionEnv): Change | undefined {
  const state = move(refund_table, refund.state, 'accept');
  if (!state) return stuck(aggregate, refund, 'pending', env);
  const after: Refund = {
    ...refund,
    state,
    channel_refund_id: fact.channel_refund_id ?? refund.channel_refund_id,
    accepted_at: env.now,
    next_query_at: addMs(env.now, first_query_ms),
    version: refund.version + 1,
  };
  return { ...changed(aggregate, refund, after), events: [{ type: 'refund.pending', of: 'refund' }] };
}

function decideRefused(aggregate: Aggregate, refund: Refund, refusal: ChannelRefusal, env: DecisionEnv): Change | undefined {
  const state = move(refund_table, refund.state, 'refuse');
  if (!state) return undefined;
  const after: Refund = { ...refund, state, refusal, next_query_at: null, version: refund.version + 1 };
  const change = changed(aggregate, refund, after);
  const { payment } = change;
  if (isOfPayment(refund)) {
    return {
      ...change,
      payment: { ...payment, refunding_fen: subtractFen(payment.refunding_fen, refund.amount_fen) },
      events: [{ type: 'refund.refused', of: 'refund' }],
    };
  }
  // Money that is nobody's and cannot go back by itself: the merchant hears of the refusal, a person of the stuck money.
  const { anomaly, events } = parked(aggregate, refund, 'refund_stuck', { reason: refusal.reason, channel_code: refusal.channel_code }, env);
  return { ...change, anomaly, events: [{ type: 'refund.refused', of: 'refund' }, ...events] };
}

/** Asking goes on for ever, but after a while a person is told. */
function stuck(aggregate: Aggregate, refund: Refund, cause: string, env: DecisionEnv): Change | undefined {
  return isOpenRefund(refund) && isStuck(refund.query_tries) ? parked(aggregate, refund, 'refund_stuck', { cause }, env) : undefined;
}

function changed(aggregate: Aggregate, before: Refund, after: Refund): Change {
  return {
    ...untouched(aggregate.payment),
    refunds: [after],
    transitions: [{ object_id: after.id, version: after.version, from_state: before.state, to_state: after.state }],
  };
}

function parked({ payment, attempts }: Aggregate, refund: Refund, kind: AnomalyKind, detail: Record<string, string>, env: DecisionEnv) {
  const attempt = attempts.find(({ id }) => id === refund.attempt_id);
  assert(attempt, 'a refund gives back the money of an attempt of its payment');
  return park({ kind, payment, attempt, refund, detail }, env);
}
