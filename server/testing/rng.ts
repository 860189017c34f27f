import { createHash } from 'node:crypto';
import type { Rng } from '../kernel/rng.ts';

/** The same bytes for the same seed, in every run: SHA-256 of seed and counter. */
export function createTestRng(seed: string): Rng {
  let counter = 0;
  const block = () => createHash('sha256').update(`${seed}:${counter++}`).digest();
  return {
    bytes: (length) => {
      const blocks: Buffer[] = [];
      for (let filled = 0; filled < length; filled += 32) blocks.push(block());
      return Buffer.concat(blocks).subarray(0, length);
    },
  };
}
