import { createHash } from 'node:crypto';
import type { Rng } from '../kernel/rng.ts';

/** Draws of one concern. Every concern has its own, so that another draw in one does not shift the others. */
export type Dice = Rng & {
  /** A whole number in [0, count). */
  below(count: number): number;
  /** A fraction in [0, 1). */
  fraction(): number;
  chance(share: number): boolean;
  pick<T>(values: readonly T[]): T;
  /** A whole number in [from, to]. */
  between(from: number, to: number): number;
};

/** Dice named by a seed and a label: sfc32, whose four words come from SHA-256. */
export function createDice(seed: string, label: string): Dice {
  const start = createHash('sha256').update(`${seed}/${label}`).digest();
  let a = start.readUInt32LE(0);
  let b = start.readUInt32LE(4);
  let c = start.readUInt32LE(8);
  let d = start.readUInt32LE(12);
  const next = (): number => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    c |= 0;
    return t >>> 0;
  };
  for (let warm_up = 0; warm_up < 12; warm_up++) next();
  const fraction = () => next() / 2 ** 32;
  const below = (count: number) => Math.floor(fraction() * count);
  return {
    bytes(length) {
      const bytes = Buffer.allocUnsafe(length);
      for (let at = 0; at < length; at++) bytes[at] = next() & 255;
      return bytes;
    },
    below,
    fraction,
    chance: (share) => fraction() < share,
    pick: (values) => values[below(values.length)] as (typeof values)[number],
    between: (from, to) => from + below(to - from + 1),
  };
}
