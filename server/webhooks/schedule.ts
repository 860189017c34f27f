/** Waits between the sends of one delivery: 13 sends over 27.8 hours and more, quick at first, patient later. */
export const delivery_waits_ms: readonly number[] = [
  5_000,
  15_000,
  30_000,
  60_000,
  5 * 60_000,
  15 * 60_000,
  30 * 60_000,
  3_600_000,
  2 * 3_600_000,
  4 * 3_600_000,
  8 * 3_600_000,
  12 * 3_600_000,
];

/** A wait is up to this much longer, so that what failed together does not come back together. Never shorter. */
const jitter = 0.2;

/** A receiver may ask for a longer wait than the schedule has, up to this. */
export const retry_after_ms_max = 3_600_000;

/** Waits that a receiver asked for, and a closed endpoint's queue, stretch the schedule; this is where it ends in any case. */
export const delivery_lifetime_ms = 72 * 3_600_000;

export type NextSendInput = {
  /** Sends so far. */
  readonly tries: number;
  readonly created_at: Date;
  readonly now: Date;
  /** In [0, 1). */
  readonly random: number;
  /** What the receiver asked for. */
  readonly retry_after_ms: number | undefined;
};

/** When to send again after a failure; undefined when the whole schedule has passed. */
export function nextSend({ tries, created_at, now, random, retry_after_ms = 0 }: NextSendInput): Date | undefined {
  const wait_ms = delivery_waits_ms[tries - 1];
  if (wait_ms === undefined || now.getTime() - created_at.getTime() >= delivery_lifetime_ms) return undefined;
  const jittered_ms = wait_ms * (1 + jitter * random);
  return new Date(now.getTime() + Math.round(Math.max(jittered_ms, Math.min(retry_after_ms, retry_after_ms_max))));
}

/** Reads `Retry-After`: seconds, or a date of HTTP. Undefined when it is neither, or lies in the past. */
export function readRetryAfter(text: string | undefined, now: Date): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  // Only the form that HTTP prescribes: the parser of dates would take a year for a number of months.
  if (!/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text)) return undefined;
  const wait_ms = Date.parse(text) - now.getTime();
  return wait_ms > 0 ? wait_ms : undefined;
}
