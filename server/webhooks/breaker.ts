/** What one node remembers of an endpoint that fails. An endpoint without one is healthy. */
export type Breaker = {
  /** Failures since the last answer. */
  readonly failures: number;
  /** Nothing is sent before this; then one send tries whether the receiver is back. */
  readonly open_until: Date | undefined;
  readonly wait_ms: number;
};

/** One bad minute of a deployment should not stop deliveries; five sends in a row without an answer are not an accident. */
const failures_max = 5;
const wait_ms_first = 10_000;
/** A receiver that is back after hours hears of it within this. */
const wait_ms_max = 300_000;

/** After a send that nobody answered properly. Those that were under way when it opened say nothing new. */
export function afterFailure(breaker: Breaker | undefined, now: Date): Breaker {
  if (breaker?.open_until !== undefined && now < breaker.open_until) return breaker;
  const failures = (breaker?.failures ?? 0) + 1;
  if (failures < failures_max) return { failures, open_until: undefined, wait_ms: wait_ms_first };
  const wait_ms = breaker?.wait_ms ?? wait_ms_first;
  return { failures, open_until: new Date(now.getTime() + wait_ms), wait_ms: Math.min(wait_ms * 2, wait_ms_max) };
}

/** How many sends an endpoint may have under way: undefined for the usual number, 0 while open, 1 to try whether it is back. */
export function sendsAllowed({ open_until }: Breaker, now: Date): 0 | 1 | undefined {
  if (open_until === undefined) return undefined;
  return now < open_until ? 0 : 1;
}
