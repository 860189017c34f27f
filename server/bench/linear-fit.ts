/** Something read at a time. Points of one `life` share their own starting level: a process that was started anew begins elsewhere. */
export type Point = { readonly life: number; readonly hours: number; readonly value: number };

export type Fit = { readonly points: number; readonly per_hour: number; readonly per_hour_95: readonly [number, number] };

/**
 * The slope that all lives have in common, by least squares, and its 95 % interval. Undefined when there is too little to tell.
 * Readings that follow each other are alike, so the true interval is wider: read it as the least doubt there is.
 */
export function fitSlope(points: readonly Point[]): Fit | undefined {
  const lives = [...Map.groupBy(points, ({ life }) => life).values()].filter((life) => life.length > 1);
  const centred = lives.flatMap((life) => {
    const hours = mean(life.map((point) => point.hours));
    const value = mean(life.map((point) => point.value));
    return life.map((point) => ({ x: point.hours - hours, y: point.value - value }));
  });
  const freedom = centred.length - lives.length - 1;
  const spread = sum(centred.map(({ x }) => x * x));
  if (freedom < 1 || spread === 0) return undefined;
  const per_hour = sum(centred.map(({ x, y }) => x * y)) / spread;
  const left = sum(centred.map(({ x, y }) => (y - per_hour * x) ** 2));
  const half = student95(freedom) * Math.sqrt(left / freedom / spread);
  return { points: centred.length, per_hour, per_hour_95: [per_hour - half, per_hour + half] };
}

export type Verdict = 'flat' | 'grows' | 'not judged';

/** Flat where even the upper end of the interval stays within so much an hour, growing where the lower end does not: between them readings say nothing. */
export function judgeSlope(fit: Fit | undefined, per_hour_max: number): Verdict {
  const [low, high] = fit?.per_hour_95 ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  if (high <= per_hour_max) return 'flat';
  return low > per_hour_max ? 'grows' : 'not judged';
}

/** The two-sided 95 % point of Student's distribution, by the Cornish-Fisher series; exact within 1 % from four degrees of freedom on. */
function student95(freedom: number): number {
  const z = 1.959964;
  const first = (z ** 3 + z) / 4;
  const second = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96;
  const third = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384;
  return z + first / freedom + second / freedom ** 2 + third / freedom ** 3;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]): number => sum(values) / values.length;
