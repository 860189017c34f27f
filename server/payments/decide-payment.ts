import type { Disposition } from '@heliu/contract';
import { assert } from '../kernel/assert.ts';
import { attempts_per_payment_max } from '../kernel/limits.ts';
import { move } from '../kernel/machine.ts';
import { ZERO } from '../kernel/money.ts';
import type { PaymentFact, Success, Via } from '../kernel/outcome.ts';
import { type Refusal, refuse } from '../kernel/refusal.ts';
import { addMs } from '../kernel/time.ts';
import { type Attempt, attempt_table, isBarcode, isLive } from './attempt.ts';
import { type Aggregate, type Change, type DecisionEnv, type Transition, untouched } from './change.ts';
import { park } from './park.ts';
import { type Closing, type Payment, payment_table } from './payment.ts';
import type { Refund } from './refund.ts';
import { close_steps_ms, firstQueryAt, isStuck, over_first_query_ms, over_patience_ms, over_steps_ms, send_lease_ms, unknown_query_ms } from './schedule.ts';
import { mismatch } from './verifier.ts';

/** The merchant's choice for money that a payment did not wait for. */
export type MoneyPolicy = { readonly duplicate_policy: 'refund' | 'keep'; readonly late_policy: 'refund' | 'accept' };

export type PaymentFactInput = {
  readonly attempt_id: string;
  readonly fact: PaymentFact;
  readonly via: Via;
  /** Who must have received the money: the account's own identity at the channel. */
  readonly identity: Readonly<Record<string, string>>;
  readonly policy: MoneyPolicy;
  /** The payer's id, sealed by the caller. */
  readonly payer_sealed: Buffer | null;
  /** The channel publishes bills, which tell of all money in the end. */
  readonly has_bills: boolean;
};

/** Decides what a channel's word changes. Undefined: nothing, the fact is old, repeated or settles nothing. */
export function decidePaymentFact(aggregate: Aggregate, input: PaymentFactInput, env: DecisionEnv): Change | undefined {
  const attempt = aggregate.attempts.find((candidate) => candidate.id === input.attempt_id);
  assert(attempt, 'a fact is about an attempt of the payment that was read');
  const { fact } = input;
  switch (fact.is) {
    case 'paid':
      return decideSuccess(aggregate, attempt, fact.success, input, env);
    case 'waiting':
      return decideWaiting(aggregate, attempt, fact, env);
    case 'refused': {
      const change = rest(aggregate, attempt, 'refuse', env);
      if (!change) return undefined;
      const refusal = { reason: fact.reason, channel_code: fact.channel_code, channel_message: fact.channel_message ?? null };
      return { ...change, attempts: change.attempts.map((after) => (after.id === attempt.id ? { ...after, refusal } : after)) };
    }
    case 'closed': {
      const change = rest(aggregate, attempt, 'close', env);
      // What the channel reversed or barred has no money left, and may be shown there as paid and returned.
      if (!change || input.has_bills || attempt.reversing_at !== null) return change;
      const next_query_at = addMs(env.now, over_first_query_ms);
      return { ...change, attempts: change.attempts.map((after) => (after.id === attempt.id ? { ...after, next_query_at } : after)) };
    }
    case 'not_found':
      return undefined;
    case 'unknown':
      return hurry(aggregate, attempt, env);
  }
}

/** After an unknown the channel is asked soon, unless it is asked sooner already. */
function hurry(aggregate: Aggregate, attempt: Attempt, env: DecisionEnv): Change | undefined {
  const at = addMs(env.now, unknown_query_ms);
  if (!isLive(attempt) || attempt.query_tries > 0 || !attempt.next_query_at || attempt.next_query_at <= at) return undefined;
  return { ...untouched(aggregate.payment), attempts: [{ ...attempt, next_query_at: at, version: attempt.version }] };
}

function decideWaiting(aggregate: Aggregate, attempt: Attempt, fact: PaymentFact & { is: 'waiting' }, env: DecisionEnv): Change | undefined {
  const action = fact.action ?? (isBarcode(attempt) ? ({ type: 'wait' } as const) : undefined);
  // The order exists, but the payer has nothing to pay with until the same request was sent again.
  if (!action || attempt.state !== 'sending') return undefined;
  const after: Attempt = { ...attempt, state: 'waiting', next_action: action, next_query_at: firstQueryAt(attempt, env.now), version: attempt.version + 1 };
  return { ...untouched(aggregate.payment), attempts: [after], transitions: [transitionOf(attempt, after)] };
}

/** Marks an attempt that has nothing to show. Its order is pursued as before, and what the payer needs is still taken if it comes. */
export function decideLost(aggregate: Aggregate, attempt_id: string): Change | undefined {
  const attempt = aggregate.attempts.find(({ id }) => id === attempt_id);
  if (attempt?.state !== 'sending' || isBarcode(attempt) || attempt.next_action.type === 'new_attempt') return undefined;
  return { ...untouched(aggregate.payment), attempts: [{ ...attempt, next_action: { type: 'new_attempt' } }] };
}

/** A closed order was asked about and holds no money, or gave no answer: when it is asked about next, if ever. */
export function decideAskedOver(aggregate: Aggregate, attempt_id: string, fact: PaymentFact, env: DecisionEnv): Change | undefined {
  const attempt = aggregate.attempts.find(({ id }) => id === attempt_id);
  if (attempt?.state !== 'closed' || !attempt.next_query_at) return undefined;
  const sinceEnd = (ms: number): Date => addMs(aggregate.payment.expires_at, ms);
  // The claim has set when to ask again after no answer.
  if (fact.is === 'unknown' && env.now <= sinceEnd((over_steps_ms.at(-1) ?? 0) + over_patience_ms)) return undefined;
  const next_query_at = over_steps_ms.map(sinceEnd).find((at) => at > env.now) ?? null;
  return { ...untouched(aggregate.payment), attempts: [{ ...attempt, next_query_at }] };
}

/** The attempt ends without money; a payment that was only waiting for this to be closed is closed with it. */
export function rest(aggregate: Aggregate, attempt: Attempt, step: 'refuse' | 'close', env: DecisionEnv): Change | undefined {
  const state = move(attempt_table, attempt.state, step);
  if (!state) return undefined;
  const after: Attempt = { ...attempt, state, next_action: { type: 'none' }, next_query_at: null, request_sealed: null, version: attempt.version + 1 };
  const change: Change = { ...untouched(aggregate.payment), attempts: [after], transitions: [transitionOf(attempt, after)] };
  const closed = closeIfDone({ payment: change.payment, attempts: replaced(aggregate, after) }, env);
  if (closed)
    return { ...change, payment: closed.payment, transitions: [...change.transitions, closed.transition], events: [{ type: 'payment.closed', of: 'payment' }] };
  return step === 'refuse' && change.payment.state === 'pending' ? { ...change, events: [{ type: 'payment.attempt_refused', of: 'payment' }] } : change;
}

function closeIfDone({ payment, attempts }: Aggregate, env: DecisionEnv): { payment: Payment; transition: Transition } | undefined {
  const state = move(payment_table, payment.state, 'close');
  if (payment.closing === null || !state || attempts.some(isLive)) return undefined;
  const closed: Payment = {
    ...payment,
    state,
    closed_reason:
      payment.closing !== 'expire' ? 'cancelled' : attempts.length > 0 && attempts.every((attempt) => attempt.state === 'refused') ? 'refused' : 'expired',
    // A cancel is remembered: money that comes later still goes back.
    closing: payment.closing === 'cancel' ? 'cancel' : null,
    next_close_at: null,
    closed_at: env.now,
  };
  return { payment: closed, transition: { object_id: payment.id, version: closed.version, from_state: payment.state, to_state: closed.state } };
}

function decideSuccess(aggregate: Aggregate, attempt: Attempt, success: Success, input: PaymentFactInput, env: DecisionEnv): Change | undefined {
  const { payment } = aggregate;
  if (attempt.state === 'succeeded') {
    if (attempt.channel_transaction_id === success.channel_transaction_id) return undefined;
    const detail = { expected: attempt.channel_transaction_id ?? '', received: success.channel_transaction_id };
    return park({ kind: 'orphan_success', payment, attempt, detail }, env);
  }
  const wrong = mismatch(success, attempt, input.identity, input.via);
  if (wrong) return park({ kind: wrong.kind, payment, attempt, detail: { ...wrong.detail, channel_transaction_id: success.channel_transaction_id } }, env);

  const state = move(attempt_table, attempt.state, 'succeed');
  assert(state, 'any attempt that has not succeeded can succeed');
  const disposition = dispositionOf(payment, attempt, input.policy);
  const after: Attempt = {
    ...attempt,
    state,
    disposition,
    kept: disposition === 'accepted' ? null : isKept(attempt, disposition, input.policy),
    next_action: { type: 'none' },
    channel_transaction_id: success.channel_transaction_id,
    payer_amount_fen: success.payer_amount_fen ?? null,
    payer_sealed: input.payer_sealed,
    channel_fee_fen: success.fee_fen ?? null,
    refusal: null,
    paid_at: success.paid_at,
    next_query_at: null,
    request_sealed: null,
    version: attempt.version + 1,
  };
  const change: Change = { ...untouched(payment), attempts: [after], transitions: [transitionOf(attempt, after)] };
  if (disposition === 'accepted') return accept(change, payment, after, aggregate, env);
  const given_back = giveBack(change, after, disposition, env);
  const closed = closeIfDone({ payment: given_back.payment, attempts: replaced(aggregate, after) }, env);
  if (!closed) return given_back;
  return {
    ...given_back,
    payment: closed.payment,
    transitions: [...given_back.transitions, closed.transition],
    events: [...given_back.events, { type: 'payment.closed', of: 'payment' }],
  };
}

const replaced = ({ attempts }: Aggregate, after: Attempt): Attempt[] => attempts.map((attempt) => (attempt.id === after.id ? after : attempt));

function dispositionOf(payment: Payment, attempt: Attempt, policy: MoneyPolicy): Disposition {
  if (payment.state === 'paid') return 'duplicate';
  // The channel was told to give this money back, so it is not the payment's.
  if (attempt.reversing_at !== null) return 'late';
  if (payment.state === 'pending') return 'accepted';
  // A cancel promised the money back, whatever the policy.
  return policy.late_policy === 'accept' && payment.closing !== 'cancel' ? 'accepted' : 'late';
}

function accept(change: Change, before: Payment, attempt: Attempt, aggregate: Aggregate, env: DecisionEnv): Change {
  const state = move(payment_table, before.state, 'accept');
  assert(state, 'money is accepted on a pending payment, or on a closed one by policy');
  const paid: Payment = {
    ...change.payment,
    state,
    closed_reason: null,
    closing: null,
    paid_fen: attempt.amount_fen,
    accepted_attempt_id: attempt.id,
    next_close_at: null,
    paid_at: attempt.paid_at,
    closed_at: null,
  };
  // Whoever could still pay a second time is closed at the channel as soon as a sweeper can.
  const others = aggregate.attempts.filter((other) => other.id !== attempt.id && isLive(other)).map((other) => ({ ...other, next_query_at: env.now }));
  const accepted: Change = {
    ...change,
    payment: paid,
    attempts: [...change.attempts, ...others],
    transitions: [...change.transitions, { object_id: paid.id, version: paid.version, from_state: before.state, to_state: 'paid' }],
    events: [{ type: 'payment.paid', of: 'payment' }],
  };
  // A cancel was under way and the payer was faster: the cancel still means that the money goes back.
  return before.closing === 'cancel' ? withRefund(accepted, attempt, 'cancel', env) : accepted;
}

/** What the channel was told to reverse is not the merchant's to keep. */
const isKept = (attempt: Attempt, disposition: 'duplicate' | 'late', policy: MoneyPolicy): boolean =>
  disposition === 'duplicate' && policy.duplicate_policy === 'keep' && attempt.reversing_at === null;

function giveBack(change: Change, attempt: Attempt, disposition: 'duplicate' | 'late', env: DecisionEnv): Change {
  const told: Change = { ...change, events: [{ type: disposition === 'duplicate' ? 'payment.duplicate_received' : 'payment.late_received', of: 'payment' }] };
  return attempt.kept ? told : withRefund(told, attempt, disposition, env);
}

/** Adds the refund of a whole attempt, to be sent by the sweeper at once unless the caller sends it. */
function withRefund(change: Change, attempt: Attempt, cause: 'duplicate' | 'late' | 'cancel', env: DecisionEnv, sent_at = env.now): Change {
  const refund: Refund = {
    merchant_id: attempt.merchant_id,
    id: env.id('refund'),
    payment_id: attempt.payment_id,
    attempt_id: attempt.id,
    livemode: change.payment.livemode,
    merchant_refund_no: null,
    request_hash: null,
    cause,
    amount_fen: attempt.amount_fen,
    currency: attempt.currency,
    reason: null,
    metadata: {},
    state: 'sending',
    refusal: null,
    channel_refund_id: null,
    created_at: env.now,
    accepted_at: null,
    refunded_at: null,
    next_query_at: sent_at,
    query_tries: 0,
    version: 1,
  };
  const payment = cause === 'cancel' ? { ...change.payment, refunding_fen: attempt.amount_fen, refund_count: change.payment.refund_count + 1 } : change.payment;
  return {
    ...change,
    payment,
    new_refund: refund,
    transitions: [...change.transitions, { object_id: refund.id, version: 1, from_state: null, to_state: refund.state }],
  };
}

/** A merchant or the clock wants the payment closed. Refused only when there is nothing left to close. */
export function decideClosing(aggregate: Aggregate, closing: Closing, env: DecisionEnv): Change | undefined {
  const { payment } = aggregate;
  // What was closed before it was cancelled is cancelled all the same: money that comes later goes back.
  if (payment.state === 'closed' && closing === 'cancel' && payment.closing !== 'cancel') {
    const { payment: after, ...change } = untouched(payment);
    return { ...change, payment: { ...after, closing } };
  }
  if (payment.state !== 'pending') return undefined;
  const stronger = payment.closing !== null && closing_strength[payment.closing] >= closing_strength[closing];
  const change = untouched(payment);
  const marked: Payment = stronger ? change.payment : { ...change.payment, closing, next_close_at: addMs(env.now, close_steps_ms[0] as number) };
  const closed = closeIfDone({ payment: marked, attempts: aggregate.attempts }, env);
  if (closed) return { ...change, payment: closed.payment, transitions: [closed.transition], events: [{ type: 'payment.closed', of: 'payment' }] };
  return stronger ? undefined : { ...change, payment: marked };
}

/** A cancel also promises the money back, and a merchant's close is not taken for an expiry: neither is overwritten. */
const closing_strength: Record<Closing, number> = { expire: 1, close: 2, cancel: 3 };

/** Cancel (撤销) of a paid payment: all of it goes back, unless some already did. */
export function decideCancelPaid(aggregate: Aggregate, env: DecisionEnv): Change | Refusal {
  const { payment } = aggregate;
  const accepted = aggregate.attempts.find((attempt) => attempt.id === payment.accepted_attempt_id);
  if (payment.state !== 'paid' || !accepted || payment.refunding_fen + payment.refunded_fen > 0n) return refuse('payment_not_cancellable');
  // Whoever cancels sends the refund; the sweeper only if that fails.
  return withRefund(untouched(payment), accepted, 'cancel', env, addMs(env.now, send_lease_ms));
}

/**
 * Marks an attempt whose order the channel is about to be told to reverse. Undefined: there is nothing to reverse any
 * more. From the mark on, a success of this attempt is money that goes back, whoever is faster.
 */
export function decideReversing(aggregate: Aggregate, attempt_id: string, env: DecisionEnv): Change | undefined {
  const attempt = aggregate.attempts.find(({ id }) => id === attempt_id);
  if (!attempt || !isLive(attempt) || attempt.reversing_at !== null) return undefined;
  return { ...untouched(aggregate.payment), attempts: [{ ...attempt, reversing_at: env.now }] };
}

/** A close that stays uncertain for long is shown to a person; pursuing goes on. An order that only time ends is not stuck before its time. */
export function decideCloseStuck({ payment, attempts }: Aggregate, closes: (channel: string) => boolean, env: DecisionEnv): Change | undefined {
  const is_over = payment.expires_at <= env.now;
  const attempt = attempts.find((each) => isLive(each) && (is_over || closes(each.channel)));
  if (payment.state !== 'pending' || payment.closing === null || !attempt || !isStuck(payment.close_tries)) return undefined;
  return park({ kind: 'close_stuck', payment, attempt, detail: { method: attempt.method } }, env);
}

/** Adds an attempt to an open payment. */
export function decideAttempt(aggregate: Aggregate, attempt: Attempt, env: DecisionEnv): Change | Refusal {
  const { payment } = aggregate;
  if (payment.state === 'paid') return refuse('payment_already_paid');
  if (payment.state === 'closed') return refuse('payment_closed');
  if (payment.closing) return refuse('payment_closing');
  if (payment.expires_at <= env.now) return refuse('payment_expired');
  // One payment code may have been charged already; a second one on top would charge the payer twice.
  if (aggregate.attempts.some((other) => isBarcode(other) && isLive(other))) return refuse('attempt_unsettled');
  if (payment.attempt_count >= attempts_per_payment_max) return refuse('too_many_attempts');
  const change = untouched(payment);
  return {
    ...change,
    payment: { ...change.payment, latest_attempt_id: attempt.id, attempt_count: payment.attempt_count + 1 },
    new_attempt: attempt,
    transitions: [{ object_id: attempt.id, version: 1, from_state: null, to_state: attempt.state }],
  };
}

/** A payment as it is first stored, with its first attempt. */
export function newPayment(
  input: Omit<
    Payment,
    | 'state'
    | 'closed_reason'
    | 'closing'
    | 'paid_fen'
    | 'refunding_fen'
    | 'refunded_fen'
    | 'refund_count'
    | 'accepted_attempt_id'
    | 'next_close_at'
    | 'close_tries'
    | 'paid_at'
    | 'closed_at'
    | 'version'
  >,
): Payment {
  return {
    ...input,
    state: payment_table.initial,
    closed_reason: null,
    closing: null,
    paid_fen: ZERO,
    refunding_fen: ZERO,
    refunded_fen: ZERO,
    refund_count: 0,
    accepted_attempt_id: null,
    next_close_at: input.expires_at,
    close_tries: 0,
    paid_at: null,
    closed_at: null,
    version: 1,
  };
}

const transitionOf = (before: Attempt, after: Attempt): Transition => ({
  object_id: after.id,
  version: after.version,
  from_state: before.state,
  to_state: after.state,
});
