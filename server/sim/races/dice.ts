import type { Rng } from '../../kernel/rng.ts';

/** Draws from a source of bytes. */
export type Dice = { readonly below: (count: number) => number; readonly pick: <T>(values: readonly T[]) => T };

export function createDice(rng: Rng): Dice {
  const below = (count: number) => rng.bytes(4).readUInt32BE() % count;
  return { below, pick: <T>(values: readonly T[]): T => values[below(values.length)] as T };
}
