import type { RawBuilder } from 'kysely';
import type { Scope } from './scope.ts';

/** A statement that gives the rows which break a rule. */
export type Query = RawBuilder<Violation>;

/** A row that breaks a rule: what identifies it, and what is wrong with it. */
export type Violation = Readonly<Record<string, unknown>>;

/** Both languages of a text. */
export type Text = { readonly zh: string; readonly en: string };

/** Parts of the books; each has a file of rules. */
export const areas = {
  payments: { zh: '支付', en: 'Payments' },
  refunds: { zh: '退款', en: 'Refunds' },
  history: { zh: '状态与时间', en: 'States and time' },
  ledger: { zh: '账本', en: 'Ledger' },
  reconciliation: { zh: '对账', en: 'Reconciliation' },
  notifications: { zh: '事件与投递', en: 'Events and deliveries' },
  replies: { zh: '幂等应答', en: 'Frozen replies' },
  isolation: { zh: '隔离', en: 'Isolation' },
  security: { zh: '密文', en: 'Sealed values' },
  routing: { zh: '路由与限额', en: 'Routing and quotas' },
  schema: { zh: '数据库结构', en: 'Schema' },
} as const satisfies Record<string, Text>;

/**
 * One thing that holds of every row. The part of the id before the point is the invariant of the reliability reference;
 * what follows numbers the ways in which it is looked at. Ids never change their meaning and are never given again.
 */
export type Rule = {
  readonly id: `I-${string}.${number}`;
  readonly area: keyof typeof areas;
  /** 1 money, 2 trust, 3 operations. */
  readonly severity: 1 | 2 | 3;
  /** S: at every instant. D: of a system that runs, looked at daily. Q: only once faults have stopped and all was asked. */
  readonly class: 'S' | 'Q' | 'D';
  readonly title: Text;
  /** What the operator does about a row. */
  readonly remedy: Text;
  /** The columns that name the row; the others say what is wrong with it. */
  readonly names: readonly string[];
  /** What a run since some time looks at: what was touched since, or everything, because one row is compared with all others. */
  readonly since: 'touched' | 'everything';
  /** Each query reads its tables through the scope, and gives no row while the rule holds. */
  readonly queries: (of: Scope) => readonly Query[];
};
