import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addMs } from '../../kernel/time.ts';
import { createTestClock, type TestClock } from '../../testing/clock.ts';
import { createTestRng } from '../../testing/rng.ts';
import { createLog } from '../log.ts';
import { createMetrics } from '../metrics.ts';
import type { KeySlots } from './slots.ts';
import { createSweeper, type DueTask } from './sweeper.ts';

type Row = { readonly id: number; readonly key: string };

test('a nudge claims at once what just became due, without waiting for the clock', async () => {
  const { ctx, table, task, started } = world();
  const sweeper = createSweeper(ctx, [task({})]);
  await settled();
  table.add({ id: 1, key: 'a' });
  await settled();
  assert.deepEqual(started, []);
  sweeper.nudge('rows');
  await settled();
  assert.deepEqual(started, [1]);
  table.finish(1);
  await sweeper.stop();
});

/** Two seconds for a node at rest, and the jitter. */
const longest_pause_ms = 3_000;

test('without a nudge, a due row is found at the next look', async () => {
  const { ctx, clock, table, task, started } = world();
  const sweeper = createSweeper(ctx, [task({})]);
  await settled();
  table.add({ id: 1, key: 'a' });
  clock.advance(longest_pause_ms);
  await settled();
  assert.deepEqual(started, [1]);
  table.finish(1);
  await sweeper.stop();
});

test('nudges while it looks are one more look', async () => {
  const { ctx, table, task } = world();
  const sweeper = createSweeper(ctx, [task({})]);
  await settled();
  table.claims.length = 0;
  for (let i = 0; i < 100; i++) sweeper.nudge('rows');
  await settled();
  assert.ok(table.claims.length <= 2, `${table.claims.length} claims`);
  await sweeper.stop();
});

test('claims no more rows than it has free slots, and goes on when there is room', async () => {
  const { ctx, table, task, started } = world();
  for (let id = 1; id <= 7; id++) table.add({ id, key: `${id}` });
  const sweeper = createSweeper(ctx, [task({ concurrency: 4 })]);
  await settled();
  assert.deepEqual(started, [1, 2, 3, 4]);
  table.finish(1);
  await settled();
  assert.deepEqual(started, [1, 2, 3, 4], 'one free slot is not worth a statement');
  table.finish(2);
  await settled();
  assert.deepEqual(started, [1, 2, 3, 4, 5, 6]);
  for (const id of [3, 4, 5, 6]) table.finish(id);
  await settled();
  table.finish(7);
  await settled();
  assert.deepEqual(started, [1, 2, 3, 4, 5, 6, 7]);
  await sweeper.stop();
});

test('F-10: a key that never finishes holds its own slots and no more', async () => {
  const { ctx, table, task, started } = world();
  for (let id = 1; id <= 100; id++) table.add({ id, key: 'slow' });
  for (let id = 101; id <= 110; id++) table.add({ id, key: 'quick' });
  const sweeper = createSweeper(ctx, [task({ concurrency: 8, concurrency_per_key: 2 })]);
  await settled();
  assert.deepEqual(started, [1, 2, 101, 102]);
  for (let id = 101; id <= 110; id++) {
    table.finish(id);
    await settled();
  }
  assert.deepEqual(
    started.filter((id) => id > 100),
    [101, 102, 103, 104, 105, 106, 107, 108, 109, 110],
  );
  assert.deepEqual(
    started.filter((id) => id <= 100),
    [1, 2],
  );
  table.finishAll();
  await sweeper.stop();
});

test('L-11: what a key has left behind is claimed as soon as there is room, also when work ends while a claim is under way', async () => {
  const { ctx, table, task, started } = world();
  for (let id = 1; id <= 20; id++) table.add({ id, key: 'a' });
  const due = task({ concurrency: 8, concurrency_per_key: 4 });
  let ended = 0;
  const claim: typeof due.claim = async (...input) => {
    const rows = await due.claim(...input);
    const quick = started[ended];
    if (quick !== undefined) table.finish(quick);
    ended = started.length;
    await settled();
    return rows;
  };
  const sweeper = createSweeper(ctx, [{ ...due, claim }]);
  for (let round = 0; round < 20; round++) {
    for (let turns = 0; turns < 5; turns++) await settled();
    for (const id of started) table.finish(id);
  }
  assert.equal(started.length, 20, 'no time has passed');
  await sweeper.stop();
});

test('a claim that does not look at keys still cannot make one key run over its limit; expired leases are let go', async () => {
  const { ctx, clock, table, task, started } = world();
  for (let id = 1; id <= 4; id++) table.add({ id, key: 'a' });
  const sweeper = createSweeper(ctx, [task({ concurrency: 8, concurrency_per_key: 1, blind: true })]);
  await settled();
  assert.deepEqual(started, [1]);
  table.finish(1);
  await settled();
  assert.deepEqual(started, [1, 2]);
  clock.advance(lease_ms);
  table.finish(2);
  await settled();
  assert.deepEqual(started.slice(2), [3], 'claimed again, once: the rows that waited had lost their lease');
  table.finishAll();
  await sweeper.stop();
});

test('a key with a limit of zero is left alone until the limit is lifted', async () => {
  const { ctx, table, task, started } = world();
  const limits = new Map([['a', 0]]);
  table.add({ id: 1, key: 'a' });
  table.add({ id: 2, key: 'b' });
  const sweeper = createSweeper(ctx, [task({ limits })]);
  await settled();
  assert.deepEqual(started, [2]);
  limits.clear();
  sweeper.nudge('rows');
  await settled();
  assert.deepEqual(started, [2, 1]);
  table.finishAll();
  await sweeper.stop();
});

test('OF-01: work that fails is not lost: the row comes due again when its lease ends', async () => {
  const { ctx, clock, table, task, started } = world();
  table.add({ id: 1, key: 'a' });
  const sweeper = createSweeper(ctx, [task({})]);
  await settled();
  table.fail(1);
  await settled();
  clock.advance(lease_ms - 1);
  await settled();
  assert.deepEqual(started, [1]);
  clock.advance(longest_pause_ms);
  await settled();
  assert.deepEqual(started, [1, 1]);
  table.finish(1);
  await sweeper.stop();
});

test('a claim that fails is tried again at the next look, not at once', async () => {
  const { ctx, clock, table, task, started } = world();
  table.add({ id: 1, key: 'a' });
  table.broken = true;
  const sweeper = createSweeper(ctx, [task({})]);
  await settled();
  assert.equal(table.claims.length, 1);
  table.broken = false;
  clock.advance(longest_pause_ms);
  await settled();
  assert.deepEqual(started, [1]);
  table.finish(1);
  await sweeper.stop();
});

test('OF-03: stopping claims no more and waits for what is under way', async () => {
  const { ctx, table, task, started } = world();
  table.add({ id: 1, key: 'a' });
  const sweeper = createSweeper(ctx, [task({})]);
  await settled();
  let stopped = false;
  const stop = sweeper.stop().then(() => {
    stopped = true;
  });
  table.add({ id: 2, key: 'b' });
  sweeper.nudge('rows');
  await settled();
  assert.equal(stopped, false);
  table.finish(1);
  await stop;
  assert.deepEqual(started, [1]);
});

test('rows that are written under a lease begin when they are handed, without a claim', async () => {
  const { ctx, clock, table, task, started } = world();
  const sweeper = createSweeper(ctx, [task({})]);
  await settled();
  table.claims.length = 0;
  const lease = sweeper.lease('rows', clock.now());
  assert.deepEqual(lease, addMs(clock.now(), lease_ms));
  table.add({ id: 1, key: 'a' }, lease);
  sweeper.hand('rows', [{ id: 1, key: 'a' }]);
  await settled();
  assert.deepEqual([started, table.claims], [[1], []]);
  table.finish(1);
  await sweeper.stop();
});

test('OF-01: a row that was written under a lease and never handed comes due when the lease ends', async () => {
  const { ctx, clock, table, task, started } = world();
  const sweeper = createSweeper(ctx, [task({})]);
  await settled();
  table.add({ id: 1, key: 'a' }, sweeper.lease('rows', clock.now()));
  clock.advance(lease_ms - 1);
  await settled();
  assert.deepEqual(started, []);
  clock.advance(longest_pause_ms);
  await settled();
  assert.deepEqual(started, [1]);
  table.finish(1);
  await sweeper.stop();
});

test('a row that is handed and finds no room for its key goes back, and begins when there is room', async () => {
  const { ctx, clock, table, task, started } = world();
  const sweeper = createSweeper(ctx, [task({ concurrency_per_key: 1 })]);
  await settled();
  for (const id of [1, 2]) table.add({ id, key: 'a' }, sweeper.lease('rows', clock.now()));
  sweeper.hand(
    'rows',
    [1, 2].map((id) => ({ id, key: 'a' })),
  );
  await settled();
  assert.deepEqual([started, table.released], [[1], [2]]);
  table.finish(1);
  await settled();
  assert.deepEqual(started, [1, 2]);
  table.finish(2);
  await sweeper.stop();
});

test('gives no lease without a free slot, nor when it stops', async () => {
  const { ctx, clock, table, task } = world();
  const sweeper = createSweeper(ctx, [task({ concurrency: 1 })]);
  await settled();
  table.add({ id: 1, key: 'a' }, sweeper.lease('rows', clock.now()));
  sweeper.hand('rows', [{ id: 1, key: 'a' }]);
  assert.equal(sweeper.lease('rows', clock.now()), undefined);
  assert.equal(sweeper.lease('others', clock.now()), undefined);
  table.finish(1);
  await settled();
  assert.ok(sweeper.lease('rows', clock.now()));
  const stopped = sweeper.stop();
  assert.equal(sweeper.lease('rows', clock.now()), undefined);
  await stopped;
});

const lease_ms = 30_000;

/** A table of due rows in memory, claimed as a real one is. */
function world() {
  const clock = createTestClock(new Date('2026-11-22T02:00:00Z'));
  const ctx = { clock, rng: createTestRng('sweeper'), log: createLog('silent', clock), metrics: createMetrics({ process_metrics: false }) };
  const table = createTable(clock);
  const started: number[] = [];
  const task = (options: { concurrency?: number; concurrency_per_key?: number; limits?: ReadonlyMap<string, number>; blind?: boolean }): DueTask<unknown> => {
    const { concurrency = 8, concurrency_per_key = 8, limits = new Map(), blind = false } = options;
    const due: DueTask<Row> = {
      name: 'rows',
      lease_ms,
      concurrency,
      concurrency_per_key,
      key: ({ key }) => key,
      keyLimits: () => limits,
      claim: (limit, now, lease, busy) => table.claim(limit, now, lease, blind ? { keys: [], slots: [] } : busy, blind ? limit : concurrency_per_key),
      work(row) {
        started.push(row.id);
        return table.work(row.id);
      },
      release: (row) => table.release(row),
    };
    return due;
  };
  return { ctx, clock, table, task, started };
}

function createTable(clock: TestClock) {
  const due = new Map<number, { row: Row; at: Date }>();
  const works = new Map<number, PromiseWithResolvers<void>>();
  return {
    broken: false,
    claims: [] as number[],
    released: [] as number[],
    add: (row: Row, lease_until?: Date) => void due.set(row.id, { row, at: lease_until ?? clock.now() }),
    release(row: Row): Promise<void> {
      this.released.push(row.id);
      this.add(row);
      return Promise.resolve();
    },
    claim(limit: number, now: Date, lease: number, busy: KeySlots, per_key: number): Promise<readonly Row[]> {
      this.claims.push(limit);
      if (this.broken) return Promise.reject(new Error('no database'));
      const rows: Row[] = [];
      const room = new Map(busy.keys.map((key, index) => [key, busy.slots[index] ?? 0]));
      for (const entry of due.values()) {
        const left = room.get(entry.row.key) ?? per_key;
        if (rows.length === limit || entry.at > now || left === 0) continue;
        room.set(entry.row.key, left - 1);
        entry.at = addMs(now, lease);
        rows.push(entry.row);
      }
      return Promise.resolve(rows);
    },
    work(id: number): Promise<void> {
      const work = Promise.withResolvers<void>();
      works.set(id, work);
      return work.promise;
    },
    finish(id: number) {
      due.delete(id);
      works.get(id)?.resolve();
    },
    fail: (id: number) => works.get(id)?.reject(new Error('work failed')),
    finishAll() {
      due.clear();
      for (const work of works.values()) work.resolve();
    },
  };
}

/** Lets everything that is ready run. */
async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
}
