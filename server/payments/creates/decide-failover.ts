import { attempts_per_payment_max } from '../../kernel/limits.ts';
import type { PaymentFact } from '../../kernel/outcome.ts';
import type { Refusal } from '../../kernel/refusal.ts';
import { addMs } from '../../kernel/time.ts';
import { isAccountsRefusal } from '../../routing/health/fault.ts';
import { type Attempt, isBarcode, isLive } from '../attempt.ts';
import type { Aggregate, Change, DecisionEnv } from '../change.ts';
import { decideAttempt, rest } from '../decide-payment.ts';
import { send_lease_ms } from '../schedule.ts';

/** Whether another account may be tried after this: only when it is known that this one did not take the order. */
export type NotTaken = 'refused' | 'unsent';

/**
 * A verified refusal that says something of the account and nothing of the payer, or a request of which no byte left. An
 * unknown outcome is neither: whoever tried another account after it could charge the payer twice.
 */
export function notTaken(fact: PaymentFact): NotTaken | undefined {
  if (isAccountsRefusal(fact)) return 'refused';
  return fact.is === 'unknown' && fact.cause === 'not_sent' ? 'unsent' : undefined;
}

/**
 * An unknown that came soon leaves time to ask the channel, to end the order there and to try another account while the
 * merchant still waits; one that came by a deadline does not.
 */
const unknown_patience_ms = 3_000;

/**
 * Whether an attempt without a known outcome may be ended at the channel, so that another account can be tried. A payment
 * code never: what it was charged for is found out by asking, and undone where nobody confirms it.
 */
export function mayBeEnded(attempt: Attempt, fact: PaymentFact, now: Date): boolean {
  return fact.is === 'unknown' && fact.cause !== 'not_sent' && !isBarcode(attempt) && now < addMs(attempt.created_at, unknown_patience_ms);
}

/** Adds the next attempt after one that the channel has ended. Undefined: it has not, so nobody else may be asked to take the money. */
export function decideNext(
  aggregate: Aggregate,
  { attempt_id, next }: Pick<FailoverInput, 'attempt_id' | 'next'>,
  env: DecisionEnv,
): Change | Refusal | undefined {
  const ended = aggregate.attempts.find(({ id }) => id === attempt_id);
  if (ended?.state !== 'closed' && ended?.state !== 'refused') return undefined;
  return decideAttempt(aggregate, { ...next, created_at: env.now }, env);
}

/** Nobody else touches an attempt before its lease ends; so much before that end it is left to whoever comes next. */
const lease_margin_ms = 5_000;

export type FailoverInput = { readonly attempt_id: string; readonly fact: PaymentFact; readonly not_taken: NotTaken; readonly next: Attempt };

/** Ends the attempt that was not taken and adds the next one, in one change. Undefined: something else happened to the payment meanwhile. */
export function decideFailover(aggregate: Aggregate, { attempt_id, fact, not_taken, next }: FailoverInput, env: DecisionEnv): Change | undefined {
  const { payment, attempts } = aggregate;
  const attempt = attempts.find(({ id }) => id === attempt_id);
  if (attempt?.state !== 'sending' || attempt.version !== 1 || attempt.query_tries > 0) return undefined;
  if (env.now >= addMs(attempt.created_at, send_lease_ms - lease_margin_ms)) return undefined;
  if (payment.state !== 'pending' || payment.closing !== null || payment.expires_at <= env.now || payment.attempt_count >= attempts_per_payment_max)
    return undefined;
  if (attempts.some((other) => other.id !== attempt_id && isBarcode(other) && isLive(other))) return undefined;
  const ended = rest(aggregate, attempt, not_taken === 'refused' ? 'refuse' : 'close', env);
  if (!ended) return undefined;
  const refusal = fact.is === 'refused' ? { reason: fact.reason, channel_code: fact.channel_code, channel_message: fact.channel_message ?? null } : null;
  const added: Attempt = { ...next, created_at: env.now };
  return {
    ...ended,
    payment: { ...ended.payment, latest_attempt_id: added.id, attempt_count: payment.attempt_count + 1 },
    attempts: ended.attempts.map((after) => (after.id === attempt_id ? { ...after, refusal } : after)),
    new_attempt: added,
    transitions: [...ended.transitions, { object_id: added.id, version: 1, from_state: null, to_state: added.state }],
    // The merchant's request is still at work: it is told how the next account does.
    events: [],
  };
}
