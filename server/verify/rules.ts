import type { Rule } from './rule.ts';
import { history_rules } from './rules/history.ts';
import { isolation_rules } from './rules/isolation.ts';
import { ledger_rules } from './rules/ledger.ts';
import { notification_rules } from './rules/notifications.ts';
import { payment_rules } from './rules/payments.ts';
import { reconciliation_rules } from './rules/reconciliation.ts';
import { refund_rules } from './rules/refunds.ts';
import { reply_rules } from './rules/replies.ts';
import { routing_rules } from './rules/routing.ts';
import { schema_rules } from './rules/schema.ts';
import { security_rules } from './rules/security.ts';

/** The one list of rules: tests, simulation and operators hold the same. */
export const rules: readonly Rule[] = [
  ...payment_rules,
  ...refund_rules,
  ...history_rules,
  ...ledger_rules,
  ...reconciliation_rules,
  ...notification_rules,
  ...reply_rules,
  ...isolation_rules,
  ...security_rules,
  ...routing_rules,
  ...schema_rules,
];

/** The rules that a name means: `I-11` all of an invariant, `I-11.2` one. */
export const rulesNamed = (name: string): readonly Rule[] => {
  const wanted = name.toUpperCase().replace(/^(I-\d+)B/, '$1b');
  return rules.filter(({ id }) => id === wanted || id.startsWith(`${wanted}.`));
};
