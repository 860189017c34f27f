import { performance } from 'node:perf_hooks';
import type { Clock } from '../kernel/time.ts';

/** setTimeout counts in 31 bits; a longer wait is made of several. */
const timeout_ms_max = 2 ** 31 - 1;

/** The machine's clock: the only place of the server that asks the system for the time or waits. */
export const systemClock: Clock = {
  now: () => new Date(),
  monotonic_ms: () => performance.now(),
  sleep,
};

async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  if (ms <= 0) return await new Promise((resolve) => void setImmediate(resolve));
  let left = ms;
  while (left > 0 && !signal?.aborted) {
    const part = Math.min(left, timeout_ms_max);
    await wait(part, signal);
    left -= part;
  }
}

function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
}
