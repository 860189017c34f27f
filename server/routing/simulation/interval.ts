/** A share with the ends of its 95 % interval. */
export type Interval = { readonly rate: number; readonly low: number; readonly high: number };

/** The normal quantile of 95 %, both sides. */
const z = 1.959964;

/** Wilson's interval, which holds for few cases and for shares near 0 and 1. Undefined: nothing is known. */
export function interval(successes: number, of: number): Interval | undefined {
  if (of === 0) return undefined;
  const rate = successes / of;
  const middle = (rate + (z * z) / (2 * of)) / (1 + (z * z) / of);
  const half = (z / (1 + (z * z) / of)) * Math.sqrt((rate * (1 - rate)) / of + (z * z) / (4 * of * of));
  return { rate, low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}
