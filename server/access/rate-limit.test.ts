import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRateLimit } from './rate-limit.ts';

test('lets a burst through, then the rate, and says how long to wait', () => {
  const limit = createRateLimit({ rate_per_s: 10, burst: 3, names_max: 10 });
  assert.deepEqual(
    [0, 0, 0, 0, 99, 100, 100].map((now_ms) => limit.take('a', now_ms)),
    [0, 0, 0, 100, 1, 0, 100],
  );
  assert.equal(limit.take('b', 100), 0);
});

test('never lets through more than burst plus rate, whenever the requests come', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 200 }), (gaps) => {
      const limit = createRateLimit({ rate_per_s: 5, burst: 4, names_max: 10 });
      let now_ms = 0;
      let taken = 0;
      for (const gap of gaps) {
        now_ms += gap;
        if (limit.take('a', now_ms) === 0) taken += 1;
      }
      assert.ok(taken <= 4 + (now_ms * 5) / 1000 + 1e-9);
    }),
  );
});

test('a token that is given back can be taken again, and no bucket overflows', () => {
  const limit = createRateLimit({ rate_per_s: 1, burst: 1, names_max: 10 });
  assert.equal(limit.take('a', 0), 0);
  limit.giveBack('a');
  limit.giveBack('a');
  assert.deepEqual([limit.take('a', 0), limit.take('a', 0)], [0, 1000]);
});

test('holds a bounded number of names, and forgets full buckets first', () => {
  const limit = createRateLimit({ rate_per_s: 1, burst: 1, names_max: 2 });
  limit.take('idle', 0);
  limit.take('busy', 900);
  limit.take('new', 1_000);
  assert.notEqual(limit.take('busy', 1_000), 0, 'the busy one was forgotten');
});
