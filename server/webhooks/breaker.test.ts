import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addMs } from '../kernel/time.ts';
import { afterFailure, type Breaker, sendsAllowed } from './breaker.ts';

const start = new Date('2026-11-22T02:00:00Z');

function failing(times: number, now: Date, breaker?: Breaker): Breaker {
  let next = breaker;
  for (let i = 0; i < times; i++) next = afterFailure(next, now);
  return next as Breaker;
}

test('opens at the fifth failure in a row and not before', () => {
  assert.equal(sendsAllowed(failing(4, start), start), undefined);
  assert.equal(sendsAllowed(failing(5, start), start), 0);
});

test('lets one send through when the wait is over', () => {
  const open = failing(5, start);
  assert.equal(sendsAllowed(open, addMs(start, 9_999)), 0);
  assert.equal(sendsAllowed(open, addMs(start, 10_000)), 1);
});

test('each failed try doubles the wait, up to five minutes', () => {
  let breaker = failing(5, start);
  const waits: number[] = [];
  for (let i = 0; i < 8; i++) {
    const now = breaker.open_until as Date;
    breaker = afterFailure(breaker, now);
    waits.push((breaker.open_until as Date).getTime() - now.getTime());
  }
  assert.deepEqual(waits, [20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000, 300_000]);
});

test('failures of sends that were under way when it opened change nothing', () => {
  const open = failing(5, start);
  assert.deepEqual(failing(20, addMs(start, 5_000), open), open);
});
