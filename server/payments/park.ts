import type { AnomalyKind } from '@heliu/contract';
import type { Attempt } from './attempt.ts';
import type { Change, DecisionEnv } from './change.ts';
import type { Payment } from './payment.ts';
import type { Refund } from './refund.ts';

export type Parked = {
  readonly kind: AnomalyKind;
  readonly payment: Payment;
  readonly attempt: Attempt;
  readonly refund?: Refund;
  readonly detail: Record<string, string>;
};

/**
 * Parks a fact for a person: nothing of the payment changes, not even its version, and the merchant and the operator are
 * told once, however often the channel repeats itself.
 */
export function park({ kind, payment, attempt, refund, detail }: Parked, env: DecisionEnv): Change & { readonly anomaly: NonNullable<Change['anomaly']> } {
  return {
    payment,
    attempts: [],
    refunds: [],
    transitions: [],
    anomaly: {
      id: env.id('anomaly'),
      livemode: payment.livemode,
      kind,
      channel_account_id: attempt.channel_account_id,
      payment_id: payment.id,
      attempt_id: attempt.id,
      refund_id: refund?.id ?? null,
      fingerprint: [kind, refund?.id ?? attempt.id, ...(stays_one.has(kind) ? [] : Object.values(detail))].join('|'),
      detail,
    },
    events: [{ type: 'anomaly.opened', of: 'anomaly' }],
  };
}

/** What does not move is one anomaly, whatever the latest reason. */
const stays_one: ReadonlySet<AnomalyKind> = new Set(['refund_stuck', 'refund_reversed', 'close_stuck']);
