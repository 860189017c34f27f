import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from './clock.ts';

test('a sleep that is told to stop resolves early and leaves no timer or listener', async () => {
  const stop = new AbortController();
  const sleeping = systemClock.sleep(3_600_000, stop.signal);
  stop.abort();
  await sleeping;
  await systemClock.sleep(3_600_000, stop.signal);
  assert.deepEqual(
    process.getActiveResourcesInfo().filter((name) => name === 'Timeout'),
    [],
  );
});

test('a sleep longer than a timer can count does not end at once', async () => {
  const stop = new AbortController();
  let ended = false;
  const sleeping = systemClock.sleep(2 ** 40, stop.signal).then(() => {
    ended = true;
  });
  await systemClock.sleep(5);
  assert.equal(ended, false);
  stop.abort();
  await sleeping;
});

test('durations never go back', () => {
  const before = systemClock.monotonic_ms();
  assert.ok(systemClock.monotonic_ms() >= before);
});
