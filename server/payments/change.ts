import type { AnomalyKind, EventType } from '@heliu/contract';
import type { IdKind } from '../kernel/id.ts';
import type { Via } from '../kernel/outcome.ts';
import type { Attempt } from './attempt.ts';
import type { Payment } from './payment.ts';
import type { Refund } from './refund.ts';

/** A payment with its attempts, as one read of the database saw them. Its version guards whatever is decided from it. */
export type Aggregate = { readonly payment: Payment; readonly attempts: readonly Attempt[] };

/** What a decision may use of the world: the time, and fresh ids. */
export type DecisionEnv = { readonly now: Date; readonly id: (kind: IdKind) => string };

/** How a fact is known. `request`: a merchant's call; `clock`: time passed. */
export type Source = { readonly via: Via | 'request' | 'clock'; readonly evidence: Evidence | undefined };

/** The channel's own words: the hash stays for ever, the text is sealed and dropped after its term. */
export type Evidence = {
  readonly id: string;
  readonly channel_account_id: string;
  readonly digest: Buffer;
  readonly sealed: Buffer;
  readonly received_at: Date;
};

export type Transition = { readonly object_id: string; readonly version: number; readonly from_state: string | null; readonly to_state: string };

export type AnomalyRow = {
  readonly id: string;
  readonly livemode: boolean;
  readonly kind: AnomalyKind;
  readonly channel_account_id: string;
  readonly payment_id: string | null;
  readonly attempt_id: string | null;
  readonly refund_id: string | null;
  /** Equal for repeats of the same fact, so that a channel's repetitions make one row. */
  readonly fingerprint: string;
  readonly detail: Record<string, string>;
};

/** What one decision writes, all of it or nothing. `payment.version` is one more than what was read. */
export type Change = {
  readonly payment: Payment;
  /** Attempts to update; each with its next version. */
  readonly attempts: readonly Attempt[];
  readonly new_attempt?: Attempt;
  readonly refunds: readonly Refund[];
  readonly new_refund?: Refund;
  readonly transitions: readonly Transition[];
  readonly anomaly?: AnomalyRow;
  /** The object that each event freezes is taken from this change. */
  readonly events: readonly { readonly type: EventType; readonly of: 'payment' | 'refund' | 'anomaly' }[];
};

/** A change that only moves the payment's version on, to build upon. */
export const untouched = (payment: Payment): Change => ({
  payment: { ...payment, version: payment.version + 1 },
  attempts: [],
  refunds: [],
  transitions: [],
  events: [],
});
