import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBatcher } from './batcher.ts';

test('a single item goes at once, and what comes meanwhile goes together, in order and within the limit', async () => {
  const batches: number[][] = [];
  const gates: (() => void)[] = [];
  const put = createBatcher<number>(3, async (items) => {
    batches.push([...items]);
    await new Promise<void>((resolve) => gates.push(resolve));
  });
  const results = Promise.all([0, 1, 2, 3, 4].map(put));
  assert.deepEqual(batches, [[0]]);
  for (let i = 0; i < 3; i++) {
    gates[i]?.();
    await new Promise(setImmediate);
  }
  await results;
  assert.deepEqual(batches, [[0], [1, 2, 3], [4]]);
});

test('a batch that fails fails its own items and no others', async () => {
  const put = createBatcher<string>(10, (items) => (items.includes('bad') ? Promise.reject(new Error('refused')) : Promise.resolve()));
  const results = await Promise.allSettled([put('bad'), put('good'), put('good too')]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'fulfilled', 'fulfilled'],
  );
  await put('later');
});
