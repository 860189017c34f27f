/** Why the ledger of a simulated gateway does not do what it was asked; each gateway says it in its own codes. */
export type ProblemName =
  | 'order_unknown'
  | 'order_paid'
  | 'order_not_paid'
  | 'order_closed'
  | 'order_reversed'
  | 'order_under_way'
  | 'order_differs'
  | 'code_invalid'
  | 'code_expired'
  | 'insufficient_funds'
  | 'no_code_order'
  | 'code_order'
  | 'too_late'
  | 'refund_unknown'
  | 'refund_differs'
  | 'refund_exceeds'
  | 'parameter';

export class Problem extends Error {
  readonly problem: ProblemName;
  constructor(problem: ProblemName, detail: string = problem) {
    super(detail);
    this.name = 'Problem';
    this.problem = problem;
  }
}
