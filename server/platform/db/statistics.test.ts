import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'kysely';
import { testCtx } from '../../testing/ctx.ts';
import type { Ctx } from '../ctx.ts';
import { analyseGrown } from './statistics.ts';

/** One connection, so that its counters are published before the next statement looks at them. */
async function grow({ db }: Ctx, rows: number): Promise<void> {
  await sql`insert into request_nonces (merchant_id, api_key_id, nonce, expires_at)
    select 'mer_1', 'key_1', gen_random_uuid()::text, '2026-11-22' from generate_series(1, ${rows}::integer)`.execute(db.kysely);
  await sql`select pg_stat_force_next_flush()`.execute(db.kysely);
}

test('a table that has grown by half is analysed, once', async (t) => {
  const { ctx, close } = await testCtx({ config: { database_pool_max: 1 } });
  t.after(close);
  await grow(ctx, 49);
  assert.deepEqual(await analyseGrown(ctx), []);
  await grow(ctx, 51);
  assert.deepEqual(await analyseGrown(ctx), ['request_nonces']);
  assert.deepEqual(await analyseGrown(ctx), []);
  const { rows } = await sql`select attname from pg_stats where tablename = 'request_nonces' and attname = 'merchant_id' and n_distinct = 1`.execute(
    ctx.db.kysely,
  );
  assert.equal(rows.length, 1);
  await grow(ctx, 49);
  assert.deepEqual(await analyseGrown(ctx), []);
  await grow(ctx, 60);
  assert.deepEqual(await analyseGrown(ctx), ['request_nonces']);
});
