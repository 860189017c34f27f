/** How a division of money ends. Each is exact in integers; none looks at a float. */
export const roundings = ['half_up', 'half_even', 'down', 'up'] as const;
export type Rounding = (typeof roundings)[number];

/**
 * `numerator / denominator` as a whole number; the denominator is positive. Rounding is by size: what is below zero is the
 * mirror of what is above, so that money taken and money given back round alike. `half_up` is 四舍五入, `half_even` 四舍六入五成双.
 */
export function divideRounded(numerator: bigint, denominator: bigint, rounding: Rounding): bigint {
  if (denominator <= 0n) throw new RangeError('the denominator is positive');
  const negative = numerator < 0n;
  const size = negative ? -numerator : numerator;
  const whole = size / denominator;
  const rounded = whole + (goesUp(whole, size % denominator, denominator, rounding) ? 1n : 0n);
  return negative ? -rounded : rounded;
}

function goesUp(whole: bigint, rest: bigint, denominator: bigint, rounding: Rounding): boolean {
  switch (rounding) {
    case 'down':
      return false;
    case 'up':
      return rest > 0n;
    case 'half_up':
      return rest * 2n >= denominator;
    case 'half_even':
      return rest * 2n > denominator || (rest * 2n === denominator && whole % 2n === 1n);
  }
}
