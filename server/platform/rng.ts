import { randomFillSync } from 'node:crypto';
import type { Rng } from '../kernel/rng.ts';

const pool = Buffer.alloc(4096);
let used = pool.length;

/** The operating system's generator, asked for a page at a time: a call for every id costs more than the id. No byte is given twice. */
export const systemRng: Rng = {
  bytes: (length) => {
    if (length > pool.length / 4) return randomFillSync(Buffer.alloc(length));
    if (used + length > pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    const bytes = Buffer.from(pool.subarray(used, used + length));
    // What was given is not kept here.
    pool.fill(0, used, used + length);
    used += length;
    return bytes;
  },
};
