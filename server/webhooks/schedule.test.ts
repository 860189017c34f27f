import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addMs } from '../kernel/time.ts';
import { delivery_lifetime_ms, delivery_waits_ms, nextSend, readRetryAfter, retry_after_ms_max } from './schedule.ts';

const created_at = new Date('2026-11-22T02:00:00Z');

/** The times of all sends, each failing at once. */
function sends(random: number, retry_after_ms?: number): Date[] {
  const times = [created_at];
  while (times.length < 1_000) {
    const now = times.at(-1) as Date;
    const next = nextSend({ tries: times.length, created_at, now, random, retry_after_ms });
    if (next === undefined) return times;
    times.push(next);
  }
  return times;
}

test('a delivery is sent 13 times over more than 24 hours', () => {
  for (const random of [0, 0.5, 0.999]) {
    const times = sends(random);
    assert.equal(times.length, 13);
    assert.ok((times.at(-1) as Date).getTime() - created_at.getTime() >= 24 * 3_600_000);
  }
});

test('waits grow and jitter only lengthens them, by a fifth at most', () => {
  for (const [index, wait_ms] of delivery_waits_ms.entries()) {
    if (index > 0) assert.ok(wait_ms > (delivery_waits_ms[index - 1] as number));
    for (const random of [0, 0.3, 0.999]) {
      const next = nextSend({ tries: index + 1, created_at, now: created_at, random, retry_after_ms: undefined });
      const waited = (next as Date).getTime() - created_at.getTime();
      assert.ok(waited >= wait_ms && waited <= wait_ms * 1.2, `${waited} for ${wait_ms}`);
    }
  }
});

test('Retry-After lengthens a wait up to its cap and shortens none', () => {
  const next = (tries: number, retry_after_ms: number) =>
    (nextSend({ tries, created_at, now: created_at, random: 0, retry_after_ms }) as Date).getTime() - created_at.getTime();
  assert.equal(next(1, 120_000), 120_000);
  assert.equal(next(1, 1_000), 5_000);
  assert.equal(next(1, 10 * 24 * 3_600_000), retry_after_ms_max);
  assert.equal(next(12, 60_000), 12 * 3_600_000);
});

test('the schedule ends with the life of the delivery, whatever stretched it', () => {
  const now = addMs(created_at, delivery_lifetime_ms);
  assert.equal(nextSend({ tries: 1, created_at, now, random: 0, retry_after_ms: undefined }), undefined);
  assert.notEqual(nextSend({ tries: 1, created_at, now: addMs(now, -1), random: 0, retry_after_ms: undefined }), undefined);
});

const retry_after: readonly (readonly [text: string | undefined, wait_ms: number | undefined])[] = [
  ['0', 0],
  ['120', 120_000],
  ['Sun, 22 Nov 2026 02:00:30 GMT', 30_000],
  ['Sun, 22 Nov 2026 01:59:59 GMT', undefined],
  ['-5', undefined],
  ['1.5', undefined],
  ['soon', undefined],
  ['99999999999999', undefined],
  ['2026', 2_026_000],
  ['', undefined],
  [undefined, undefined],
];
for (const [text, wait_ms] of retry_after) {
  test(`reads Retry-After ${JSON.stringify(text)} as ${wait_ms}`, () => assert.equal(readRetryAfter(text, created_at), wait_ms));
}
