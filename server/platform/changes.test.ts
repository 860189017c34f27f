import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { type TestCtx, testCtx } from '../testing/ctx.ts';
import { until } from '../testing/until.ts';

/** Two nodes of one installation; what the second one hears is written down. */
async function twoNodes(t: TestContext) {
  const first = await testCtx();
  t.after(first.close);
  const second = await testCtx({ beside: first });
  t.after(second.close);
  const heard: string[] = [];
  second.ctx.changes.on('api_keys', (id) => heard.push(`api_keys ${id}`));
  second.ctx.changes.on('merchants', (id) => heard.push(`merchants ${id}`));
  second.ctx.changes.onReset(() => heard.push('reset'));
  return { first, second, heard };
}

async function killListeners({ ctx }: TestCtx): Promise<void> {
  const client = new pg.Client({ connectionString: ctx.config.database_url.expose() });
  await client.connect();
  await client.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'heliu-changes'");
  await client.end();
}

test('news reach every node, to the listeners of their topic', async (t) => {
  const { first, second, heard } = await twoNodes(t);
  assert.equal(second.ctx.changes.connected(), true);
  await first.ctx.changes.announce('api_keys', 'key_1');
  await first.ctx.changes.announce('webhook_endpoints', 'whe_1');
  await first.ctx.changes.announce('merchants', 'mer_1');
  await until('both were heard', () => heard.length === 2);
  assert.deepEqual(heard, ['api_keys key_1', 'merchants mer_1']);
});

test('news of a transaction go out when it commits, and not at all when it rolls back', async (t) => {
  const { first, heard } = await twoNodes(t);
  const { db, changes } = first.ctx;
  const failing = db.kysely.transaction().execute(async (trx) => {
    await changes.announce('api_keys', 'never', trx);
    throw new Error('rolled back');
  });
  await assert.rejects(failing, /rolled back/);
  await db.kysely.transaction().execute(async (trx) => {
    await changes.announce('api_keys', 'inside', trx);
    await changes.announce('api_keys', 'outside');
    await until('the other one was heard', () => heard.length === 1);
  });
  await until('both were heard', () => heard.length === 2);
  assert.deepEqual(heard, ['api_keys outside', 'api_keys inside']);
});

test('a lost connection is admitted, made again, and every listener told to drop what it holds (OF-16)', async (t) => {
  const { first, second, heard } = await twoNodes(t);
  await killListeners(first);
  await until('the loss was noticed', () => !second.ctx.changes.connected() || heard.includes('reset'));
  await until('it listens again', () => second.ctx.changes.connected());
  assert.deepEqual(heard, ['reset']);
  await first.ctx.changes.announce('api_keys', 'key_2');
  await until('news are heard again', () => heard.length === 2);
  assert.deepEqual(heard, ['reset', 'api_keys key_2']);
});
