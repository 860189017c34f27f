import { createHash } from 'node:crypto';

/** Draws of one concern: another draw in one concern changes nothing in the others. */
export type Dice = {
  /** A whole number from 0 to one less than the count. */
  readonly below: (count: number) => number;
  readonly between: (low: number, high: number) => number;
  readonly chance: (share: number) => boolean;
  readonly pick: <T>(values: readonly T[]) => T;
  readonly shuffled: <T>(values: readonly T[]) => T[];
};

export function diceOf(seed: string, concern: string): Dice {
  let drawn = 0;
  const below = (count: number): number => createHash('sha256').update(`${seed}/${concern}/${drawn++}`).digest().readUIntBE(0, 6) % count;
  const pick = <T>(values: readonly T[]): T => values[below(values.length)] as T;
  return {
    below,
    between: (low, high) => low + below(Math.max(1, high - low + 1)),
    chance: (share) => below(1_000_000) < share * 1_000_000,
    pick,
    shuffled: (values) => {
      const left = [...values];
      return values.map(() => left.splice(below(left.length), 1)[0] as (typeof values)[number]);
    },
  };
}
