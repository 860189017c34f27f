import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createCache } from './cache.ts';
import type { Ctx } from './ctx.ts';

/** A cache over a table that the test holds, with news and time in its hand. */
function aCache(options: { entries_max?: number; age_ms_max?: number } = {}) {
  const table = new Map<string, number>();
  const world = { connected: true, now_ms: 0, reads: 0, gate: Promise.resolve() };
  const ctx = { changes: { connected: () => world.connected }, clock: { monotonic_ms: () => world.now_ms } } as Pick<Ctx, 'changes' | 'clock'>;
  const read = async (key: string) => {
    world.reads++;
    const value = table.get(key);
    await world.gate;
    return value;
  };
  return { table, world, cache: createCache(ctx, { entries_max: 100, ...options, read }) };
}

test('reads once, and again after a drop', async () => {
  const { table, world, cache } = aCache();
  table.set('a', 1);
  assert.deepEqual([await cache.get('a'), await cache.get('a')], [1, 1]);
  table.set('a', 2);
  assert.equal(await cache.get('a'), 1);
  cache.drop('a');
  assert.equal(await cache.get('a'), 2);
  table.set('a', 3);
  cache.dropAll();
  assert.equal(await cache.get('a'), 3);
  assert.equal(world.reads, 3);
});

test('reads through while news may be missed, and keeps nothing of it', async () => {
  const { table, world, cache } = aCache();
  world.connected = false;
  table.set('a', 1);
  assert.equal(await cache.get('a'), 1);
  table.set('a', 2);
  assert.equal(await cache.get('a'), 2);
  world.connected = true;
  table.set('a', 3);
  assert.equal(await cache.get('a'), 3);
});

test('keeps nothing that was read before a drop or a lost connection, though it arrives after it', async () => {
  for (const lose of ['drop', 'dropAll', 'disconnect']) {
    const { table, world, cache } = aCache();
    const gate = Promise.withResolvers<void>();
    world.gate = gate.promise;
    table.set('a', 1);
    const early = cache.get('a');
    table.set('a', 2);
    if (lose === 'drop') cache.drop('a');
    else if (lose === 'dropAll') cache.dropAll();
    else world.connected = false;
    const late = cache.get('a');
    gate.resolve();
    assert.deepEqual([await early, await late], [1, 2]);
    world.connected = true;
    assert.equal(await cache.get('a'), 2);
  }
});

test('callers at the same time share one reading, also when it fails', async () => {
  const { table, world, cache } = aCache();
  table.set('a', 1);
  assert.deepEqual(await Promise.all(Array.from({ length: 50 }, () => cache.get('a'))), Array(50).fill(1));
  assert.equal(world.reads, 1);
  world.gate = Promise.reject(new Error('the database is away'));
  const failed = await Promise.allSettled([cache.get('b'), cache.get('b')]);
  assert.deepEqual(
    failed.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  world.gate = Promise.resolve();
  table.set('b', 5);
  assert.equal(await cache.get('b'), 5);
});

test('reads again when a value is too old', async () => {
  const { table, world, cache } = aCache({ age_ms_max: 1000 });
  table.set('a', 1);
  await cache.get('a');
  table.set('a', 2);
  world.now_ms = 1000;
  assert.equal(await cache.get('a'), 1);
  world.now_ms = 1001;
  assert.equal(await cache.get('a'), 2);
});

test('never holds more than it may, and forgets first what was not asked for the longest', async () => {
  const { table, world, cache } = aCache({ entries_max: 3 });
  for (const key of ['a', 'b', 'c', 'd']) table.set(key, key.charCodeAt(0));
  for (const key of ['a', 'b', 'c', 'a', 'd']) await cache.get(key);
  assert.equal(world.reads, 4);
  for (const key of ['a', 'c', 'd']) await cache.get(key);
  assert.equal(world.reads, 4);
  await cache.get('b');
  assert.equal(world.reads, 5);
});

test('whatever happens in whatever order, a value is never older than the last drop', async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('write' as const), key: fc.nat(3) }),
    fc.record({ do: fc.constant('get' as const), key: fc.nat(3) }),
    fc.record({ do: fc.constant('connect' as const), on: fc.boolean() }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { table, world, cache } = aCache({ entries_max: 2 });
      let value = 0;
      for (const action of steps) {
        if (action.do === 'write') {
          table.set(String(action.key), ++value);
          // Without a connection the news is lost.
          if (world.connected) cache.drop(String(action.key));
        } else if (action.do === 'connect') {
          if (action.on && !world.connected) cache.dropAll();
          world.connected = action.on;
        } else assert.equal(await cache.get(String(action.key)), table.get(String(action.key)));
      }
    }),
  );
});
