import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'kysely';
import { testCtx } from './ctx.ts';

test('gives every caller a migrated database of its own and a clock that it holds', async (t) => {
  const first = await testCtx();
  t.after(first.close);
  const second = await testCtx();
  t.after(second.close);
  const row = { id: 'mer_1', code: 'ABCDEF', name: 'Tea house', created_at: first.ctx.clock.now() };
  await first.ctx.db.kysely.insertInto('merchants').values(row).execute();
  assert.equal((await first.ctx.db.kysely.selectFrom('merchants').selectAll().execute()).length, 1);
  assert.equal((await second.ctx.db.kysely.selectFrom('merchants').selectAll().execute()).length, 0);

  const before = first.ctx.clock.now().getTime();
  first.clock.advance(1500);
  assert.equal(first.ctx.clock.now().getTime() - before, 1500);
});

test('a node beside another sees the same rows and opens the same secrets', async (t) => {
  const first = await testCtx();
  t.after(first.close);
  const second = await testCtx({ beside: first });
  t.after(second.close);
  const place = { table: 't', column: 'c', merchant_id: 'mer_1', row: 'r' };
  assert.equal(second.ctx.vault.open(first.ctx.vault.seal('secret', place), place), 'secret');
  const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(second.ctx.db.kysely);
  assert.equal(rows[0]?.name, new URL(first.ctx.config.database_url.expose()).pathname.slice(1));
  assert.notDeepEqual(first.ctx.rng.bytes(8), second.ctx.rng.bytes(8));
});

test('a sleeper wakes when its time is reached, not before, and when it is told to stop', async () => {
  const { createTestClock } = await import('./clock.ts');
  const clock = createTestClock(new Date(0));
  const woken: string[] = [];
  const stop = new AbortController();
  const sleeps = [
    clock.sleep(200).then(() => woken.push('late')),
    clock.sleep(100).then(() => woken.push('early')),
    clock.sleep(10_000, stop.signal).then(() => woken.push('stopped')),
  ];
  clock.advance(99);
  assert.equal(clock.sleepers(), 3);
  clock.advance(101);
  await Promise.all(sleeps.slice(0, 2));
  assert.deepEqual(woken, ['early', 'late']);
  stop.abort();
  await Promise.all(sleeps);
  assert.equal(clock.sleepers(), 0);
});
