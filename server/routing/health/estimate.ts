import type { BreakerState } from '@heliu/contract';

/** How an account does with a method, as one decision sees it. */
export type AccountHealthView = {
  readonly breaker: BreakerState;
  /** In a half-open circuit: whether this payment may find out if the account is back. */
  readonly probe_free: boolean;
  readonly success_ppm: number;
  readonly latency_ms: number;
  /** Behind the estimate; older ones count less. */
  readonly calls: number;
};
