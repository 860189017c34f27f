import type { Clock } from '../kernel/time.ts';

/** A clock that stands still until it is told. Sleepers wake when their time is reached, in the order of their times. */
export type TestClock = Clock & {
  /** Goes to that instant; waking sleepers when it is later. */
  set(at: Date): void;
  advance(ms: number): void;
  /** How many are asleep: a test can wait for its subject to have gone to sleep. */
  sleepers(): number;
};

type Sleeper = { readonly due_ms: number; readonly wake: () => void };

/** A clock for tests that starts at the instant given. */
export function createTestClock(start: Date): TestClock {
  let wall_ms = start.getTime();
  let monotonic_ms = 0;
  const asleep = new Set<Sleeper>();
  const pass = (ms: number): void => {
    wall_ms += ms;
    // Setting the wall clock back does not undo what has passed.
    monotonic_ms += Math.max(0, ms);
    const due = [...asleep].filter((sleeper) => sleeper.due_ms <= monotonic_ms).sort((a, b) => a.due_ms - b.due_ms);
    for (const sleeper of due) sleeper.wake();
  };
  return {
    now: () => new Date(wall_ms),
    monotonic_ms: () => monotonic_ms,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        if (ms <= 0) return void setImmediate(resolve);
        const wake = () => {
          asleep.delete(sleeper);
          signal?.removeEventListener('abort', wake);
          resolve();
        };
        const sleeper = { due_ms: monotonic_ms + ms, wake };
        asleep.add(sleeper);
        signal?.addEventListener('abort', wake);
      }),
    set: (at) => pass(at.getTime() - wall_ms),
    advance: pass,
    sleepers: () => asleep.size,
  };
}
