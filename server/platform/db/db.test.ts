import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { sql } from 'kysely';
import pg from 'pg';
import { db_pause_ms_min, db_pauses_forgiven_ms } from '../../kernel/limits.ts';
import { type TestCtx, testCtx } from '../../testing/ctx.ts';
import { until } from '../../testing/until.ts';
import { createMetrics } from '../metrics.ts';
import { copyLine, inBulk } from './bulk.ts';
import { createDb, isUnreachable, violatedConstraint } from './db.ts';
import { connect_timeout_ms, createPool } from './pool.ts';

async function aCtx(t: TestContext, database_pool_max = 2): Promise<TestCtx> {
  const node = await testCtx({ config: { database_pool_max } });
  t.after(node.close);
  return node;
}

const backends = 'select pid from pg_stat_activity where datname = current_database() and application_name = $1';
/** Ends every connection of the pool, or another one by its name, as a restart of PostgreSQL does. */
async function killConnections({ ctx }: TestCtx, name = 'heliu-all'): Promise<void> {
  const client = new pg.Client({ connectionString: ctx.config.database_url.expose() });
  await client.connect();
  await client.query(`select pg_terminate_backend(pid) from (${backends}) as pool`, [name]);
  await client.end();
}

const one = { name: 'test_one', text: 'select $1::bigint as value' };

describe('a statement', () => {
  test('reads bigint, timestamptz, date, jsonb, bytea and arrays as what they are', async (t) => {
    const { ctx } = await aCtx(t);
    const text = `select 9007199254740993 as big, '2026-11-22 10:00:00+08'::timestamptz as at, '2026-11-22'::date as day, '{"a":[1]}'::jsonb as json,
      '\\x00ff'::bytea as bytes, array[1, null]::bigint[] as bigs, array['a','b,"c'] as texts, 1::integer as int`;
    const [row] = await ctx.db.run<Record<string, unknown>>({ name: 'test_types', text }, []);
    assert.deepEqual(
      { ...row },
      {
        big: 9007199254740993n,
        at: new Date('2026-11-22T02:00:00Z'),
        day: '2026-11-22',
        json: { a: [1] },
        bytes: Buffer.from([0, 255]),
        bigs: [1n, null],
        texts: ['a', 'b,"c'],
        int: 1,
      },
    );
  });

  test('writes them as they were read', async (t) => {
    const { ctx } = await aCtx(t);
    const statement = { name: 'test_echo', text: 'select $1::bigint as big, $2::timestamptz as at, $3::bytea as bytes' };
    const values = [2n ** 62n, new Date('2026-11-22T02:00:00.123Z'), Buffer.from('é')];
    assert.deepEqual(Object.values((await ctx.db.run<object>(statement, values))[0] ?? {}), values);
  });

  test('is prepared once on a connection', async (t) => {
    const { ctx } = await aCtx(t, 1);
    for (let turn = 0; turn < 3; turn++) await ctx.db.run(one, [turn]);
    const { rows } = await sql<{ name: string; uses: bigint }>`
      select name, generic_plans + custom_plans as uses from pg_prepared_statements where name = 'test_one'`.execute(ctx.db.kysely);
    assert.deepEqual(
      rows.map((row) => ({ ...row })),
      [{ name: 'test_one', uses: 3n }],
    );
  });

  test('that is refused names the constraint, and its connection is kept', async (t) => {
    const { ctx } = await aCtx(t, 1);
    const merchant = { name: 'test_merchant', text: "insert into merchants (id, code, name, created_at) values ('mer_1', 'ABCDEF', 'Tea', $1)" };
    await ctx.db.run(merchant, [ctx.clock.now()]);
    const [before] = await ctx.db.run<{ pid: number }>({ name: 'test_pid', text: 'select pg_backend_pid() as pid' }, []);
    const error = await ctx.db.run(merchant, [ctx.clock.now()]).catch((reason: unknown) => reason);
    assert.equal(violatedConstraint(error), 'merchants_pkey');
    const [after] = await ctx.db.run<{ pid: number }>({ name: 'test_pid', text: 'select pg_backend_pid() as pid' }, []);
    assert.equal(after?.pid, before?.pid);
  });

  test('works on after a migration changed what it returns (OF-15)', async (t) => {
    const { ctx } = await aCtx(t, 1);
    const all = { name: 'test_all', text: 'select * from things' };
    await sql`create table things (id integer)`.execute(ctx.db.kysely);
    await sql`insert into things values (1)`.execute(ctx.db.kysely);
    assert.deepEqual((await ctx.db.run(all, [])).length, 1);
    await sql`alter table things add column more integer default 7`.execute(ctx.db.kysely);
    assert.deepEqual({ ...(await ctx.db.run<object>(all, []))[0] }, { id: 1, more: 7 });
  });
});

describe('a lost connection', () => {
  test('is thrown away while it is idle: the next statement gets another (OF-04)', async (t) => {
    const node = await aCtx(t);
    await Promise.all([node.ctx.db.run(one, [1]), node.ctx.db.run(one, [2])]);
    await killConnections(node);
    await sql`select 1`.execute(node.ctx.db.kysely).catch(() => {});
    await node.ctx.db.run(one, [1]).catch(() => {});
    assert.deepEqual(await node.ctx.db.run<{ value: bigint }>(one, [3n]).then((rows) => rows[0]?.value), 3n);
  });

  test('fails the transaction that it held, and nothing else', async (t) => {
    const node = await aCtx(t);
    const work = node.ctx.db.kysely.transaction().execute(async (trx) => {
      await sql`select 1`.execute(trx);
      await killConnections(node);
      await sql`select 2`.execute(trx);
    });
    await assert.rejects(work);
    assert.equal((await node.ctx.db.run(one, [1])).length, 1);
  });

  test('fails the copy that it carried, of which nothing is kept, and not the process', async (t) => {
    const node = await aCtx(t);
    const { database_url } = node.ctx.config;
    await sql`create table things (id integer)`.execute(node.ctx.db.kysely);
    async function* lines() {
      yield copyLine([1]);
      await killConnections(node, 'heliu-copy');
      yield copyLine([2]);
    }
    await assert.rejects(inBulk(database_url, ({ copy }) => copy({ table: 'things', columns: ['id'], lines: lines() })));
    assert.deepEqual((await sql`select id from things`.execute(node.ctx.db.kysely)).rows, []);
  });
});

test('an error says whether the database was away or the statement was wrong', async (t) => {
  const { ctx } = await aCtx(t, 1);
  const errorOf = (text: string) =>
    sql
      .raw(text)
      .execute(ctx.db.kysely)
      .then(
        () => assert.fail('it went well'),
        (error: unknown) => error,
      );
  for (const wrong of ['select 1/0', 'select nothing', 'select pg_cancel_backend(pg_backend_pid()), pg_sleep(1)'])
    assert.equal(isUnreachable(await errorOf(wrong)), false, wrong);
  // OF-07: after a failover the old primary's connections may lead to a standby.
  await sql`set default_transaction_read_only = on`.execute(ctx.db.kysely);
  assert.equal(isUnreachable(await errorOf('create table never (id integer)')), true);
  assert.equal(isUnreachable(await errorOf('select pg_terminate_backend(pg_backend_pid())')), true);
});

test('every connection has its time-outs', async (t) => {
  const { ctx } = await aCtx(t);
  const { rows } = await sql<Record<string, string>>`
    select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
      current_setting('idle_in_transaction_session_timeout') as idle`.execute(ctx.db.kysely);
  assert.deepEqual({ ...rows[0] }, { statement: '10s', lock: '5s', idle: '10s' });
});

test('no connection asks for less durability than the server has: what was committed and told is not lost with it', async (t) => {
  const { ctx } = await aCtx(t);
  const { rows } = await sql<{ name: string; source: string }>`
    select name, source from pg_settings where name in ('fsync', 'full_page_writes', 'synchronous_commit') order by name`.execute(ctx.db.kysely);
  assert.equal(rows.length, 3);
  // The server of tests itself has them off: what counts is who said so.
  for (const { name, source } of rows) assert.ok(!['client', 'session', 'override'].includes(source), `${name} is set by the ${source}`);
});

test('counts every statement, by whichever way it is sent', async (t) => {
  const { ctx } = await aCtx(t);
  const metrics = createMetrics({ process_metrics: false });
  const pool = createPool({ database_url: ctx.config.database_url, pool_max: 1, log: ctx.log, application_name: 'heliu-count' });
  const db = createDb(pool, metrics);
  await db.run(one, [1]);
  await sql`select 1`.execute(db.kysely);
  await db.kysely.transaction().execute(async (trx) => {
    await sql`select 1`.execute(trx);
    await sql`select 1`.execute(trx);
  });
  await db.kysely
    .transaction()
    .execute(async (trx) => {
      await sql`select 1`.execute(trx);
      throw new Error('no');
    })
    .catch(() => {});
  await db.close();
  const text = await metrics.expose();
  // run, kysely, begin + 2 + commit, begin + 1 + rollback.
  assert.match(text, /^heliu_db_statements_total 9$/m);
});

test('a statement that begins new work waits until nothing else does, whoever came first', async (t) => {
  const { ctx } = await aCtx(t);
  const pool = createPool({ database_url: ctx.config.database_url, pool_max: 1, log: ctx.log, application_name: 'heliu-order' });
  let now_ms = 0;
  const db = createDb(pool, createMetrics({ process_metrics: false }), { monotonic_ms: () => now_ms });
  const ended: string[] = [];
  const run = (name: string, begins: boolean) => db.run({ ...one, ...(begins && { begins }) }, [1]).then(() => ended.push(name));
  const statements: Promise<unknown>[] = [];
  await db.kysely.transaction().execute(async (trx) => {
    await sql`select 1`.execute(trx);
    statements.push(run('first of those that go on', false));
    statements.push(run('begins', true), run('begins too', true));
    now_ms += 40;
    statements.push(run('second of those that go on', false));
    assert.equal(db.waiting_ms(), 40);
  });
  await Promise.all(statements);
  assert.deepEqual(ended, ['first of those that go on', 'second of those that go on', 'begins', 'begins too']);
  await db.close();
});

test('L-07 a statement that begins new work and stands at the door too long is sent away, and nothing of it is done', async (t) => {
  const { ctx } = await aCtx(t);
  const pool = createPool({ database_url: ctx.config.database_url, pool_max: 1, log: ctx.log, application_name: 'heliu-door' });
  let now_ms = 0;
  const db = createDb(pool, createMetrics({ process_metrics: false }), { monotonic_ms: () => now_ms });
  await sql`create table things (id integer)`.execute(db.kysely);
  const insert = (id: number) => db.run({ name: 'test_insert', text: 'insert into things values ($1)', begins: true }, [id]).catch((error: unknown) => error);
  const statements: Promise<unknown>[] = [];
  await db.kysely.transaction().execute(async (trx) => {
    await sql`select 1`.execute(trx);
    statements.push(db.run(one, [1]), insert(1));
    now_ms += connect_timeout_ms;
    statements.push(insert(2));
  });
  const [, late, soon] = await Promise.all(statements);
  assert.equal(isUnreachable(late), true, 'its caller may ask again');
  assert.deepEqual([soon, (await sql<{ id: number }>`select id from things`.execute(db.kysely)).rows.map(({ id }) => id)], [[], [2]]);
  assert.equal(db.waiting_ms(), 0);
  await db.close();
});

test('statements that begin new work have every connection when nothing else waits', async (t) => {
  const { ctx } = await aCtx(t);
  const pool = createPool({ database_url: ctx.config.database_url, pool_max: 3, log: ctx.log, application_name: 'heliu-all' });
  const db = createDb(pool, createMetrics({ process_metrics: false }));
  const waits = { name: 'test_waits', text: 'select pg_advisory_xact_lock_shared($1)', begins: true as const };
  const statements: Promise<unknown>[] = [];
  await db.kysely.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(7262999)`.execute(trx);
    statements.push(...Array.from({ length: 5 }, () => db.run(waits, [7_262_999])));
    await until('two statements wait for the lock', async () => {
      const { rows } = await sql<{ count: bigint }>`select count(*) from pg_locks where locktype = 'advisory' and not granted and objid = 7262999`.execute(trx);
      return rows[0]?.count === 2n;
    });
    assert.equal(pool.totalCount, 3);
  });
  assert.equal((await Promise.all(statements)).length, 5);
  await db.close();
});

test('a pause of the whole database is no wait, unless it lasts', async (t) => {
  const { ctx } = await aCtx(t);
  const pool = createPool({ database_url: ctx.config.database_url, pool_max: 1, log: ctx.log, application_name: 'heliu-pause' });
  let now_ms = 1_000;
  const db = createDb(pool, createMetrics({ process_metrics: false }), { monotonic_ms: () => now_ms });
  const statements: Promise<unknown>[] = [];
  await db.kysely.transaction().execute(async (trx) => {
    await sql`select 1`.execute(trx);
    statements.push(db.run(one, [1]));
    now_ms += db_pause_ms_min - 1;
    assert.equal(db.waiting_ms(), db_pause_ms_min - 1);
    now_ms += 1;
    assert.equal(db.waiting_ms(), 0);
    now_ms = 1_000 + db_pauses_forgiven_ms;
    assert.equal(db.waiting_ms(), 0);
    now_ms += 250;
    assert.equal(db.waiting_ms(), 250);
  });
  await Promise.all(statements);
  assert.equal(db.waiting_ms(), 0);
  await db.close();
});

test('tells how long the first of the statements that wait for a connection has waited', async (t) => {
  const { ctx } = await aCtx(t);
  const pool = createPool({ database_url: ctx.config.database_url, pool_max: 1, log: ctx.log, application_name: 'heliu-wait' });
  let now_ms = 1_000;
  const db = createDb(pool, createMetrics({ process_metrics: false }), { monotonic_ms: () => now_ms });
  const statements: Promise<unknown>[] = [];
  await db.kysely.transaction().execute(async (trx) => {
    await sql`select 1`.execute(trx);
    assert.equal(db.waiting_ms(), 0);
    statements.push(db.run(one, [1]));
    now_ms += 70;
    statements.push(db.run(one, [2]));
    now_ms += 5;
    assert.equal(db.waiting_ms(), 75);
  });
  await Promise.all(statements);
  assert.equal(db.waiting_ms(), 0);
  await db.close();
});
