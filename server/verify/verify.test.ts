import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Kysely, sql } from 'kysely';
import pg from 'pg';
import { verify_batch_rows } from '../kernel/limits.ts';
import { systemClock } from '../platform/clock.ts';
import { createDb } from '../platform/db/db.ts';
import { type EmbeddedOptions, startEmbedded } from '../platform/db/embedded.ts';
import { migrate } from '../platform/db/migrate.ts';
import { createPool } from '../platform/db/pool.ts';
import type { Tables } from '../platform/db/tables.gen.ts';
import { createLog } from '../platform/log.ts';
import { createMetrics } from '../platform/metrics.ts';
import { systemRng } from '../platform/rng.ts';
import { type TestCtx, testCtx } from '../testing/ctx.ts';
import { createEmptyDatabase } from '../testing/database.ts';
import { readCatalogue } from './catalogue.ts';
import type { Rule } from './rule.ts';
import { rules, rulesNamed } from './rules.ts';
import { everything, type Scope, touchedSince } from './scope.ts';
import { writeBooks } from './testing/books.ts';
import { prepare, statementOf, VerifyError, verify } from './verify.ts';

let node: TestCtx;
let db: Kysely<Tables>;
before(async () => {
  node = await testCtx();
  db = node.ctx.db.kysely;
  await db.transaction().execute((tx) => writeBooks(tx, { payments: 1_200, merchants: 2, now: node.clock.now(), step_ms: 1_000 }));
});
after(() => node.close());

const lasting = rules.filter((rule) => rule.class !== 'Q');
const run = (held: readonly Rule[], onViolation: Parameters<typeof verify>[1]['onViolation'] = () => {}) =>
  verify({ clock: node.clock, db }, { rules: held, onViolation });
/** A rule of a test's own. */
const aRule = (query: string): Rule => ({ ...(rules[0] as Rule), id: 'I-99.1', queries: () => [sql.raw(query)] });

describe('verify', () => {
  it('holds every rule and finds nothing in books that are right', async () => {
    const { results } = await run(lasting);
    assert.deepEqual(
      results.map(({ rule, state }) => [rule.id, state]),
      lasting.map(({ id }) => [id, 'holds']),
    );
  });

  it('tells of every row, batch after batch', async () => {
    const seen = new Set<unknown>();
    const { results } = await run([aRule('select merchant_id, id from attempts')], (_, row) => seen.add(row.id));
    const [attempts] = (await sql<{ count: number }>`select count(*)::integer as count from attempts`.execute(db)).rows;
    assert.ok(seen.size > 2 * verify_batch_rows);
    assert.deepEqual([seen.size, results[0]?.violations, results[0]?.state], [attempts?.count, attempts?.count, 'violated']);
  });

  it('says unknown of a rule that could not finish, and holds the others all the same', async () => {
    const held = [aRule('select 1 / 0 as id'), aRule('select 1 as id from nowhere'), ...rulesNamed('I-11')];
    const { results } = await run(held);
    assert.deepEqual(
      results.map(({ state }) => state),
      ['unknown', 'unknown', 'holds', 'holds', 'holds', 'holds'],
    );
    assert.match(results[0]?.problem ?? '', /division by zero/);
  });

  it('says unknown of all rules that were not held when the connection is lost', async () => {
    const held = [...rulesNamed('I-11.1'), aRule('select pg_terminate_backend(pg_backend_pid())'), ...rulesNamed('I-04')];
    const { results } = await run(held);
    assert.deepEqual(
      results.map(({ state }) => state),
      ['holds', 'unknown', 'unknown'],
    );
  });

  it('cannot write', async () => {
    const { results } = await run([aRule("select nextval('none')"), { ...aRule(''), queries: () => [sql`select 1 as id from payments for update`] }]);
    assert.match(results[1]?.problem ?? '', /read-only transaction/);
  });

  it('refuses a database that is none of Heliu, or of another version', async (t) => {
    const other = await createEmptyDatabase();
    t.after(other.drop);
    const pool = createPool({ database_url: other.database_url, pool_max: 1, log: node.ctx.log, application_name: 'test' });
    const there = createDb(pool, createMetrics({ process_metrics: false }));
    t.after(there.close);
    await assert.rejects(verify({ clock: node.clock, db: there.kysely }, { rules, onViolation: () => {} }), VerifyError);
    await migrate({ database_url: other.database_url, clock: node.clock, log: node.ctx.log });
    await sql`insert into schema_migrations (number, name, checksum, applied_at) values (9999, '9999_of_tomorrow.sql', '', now())`.execute(there.kysely);
    await assert.rejects(verify({ clock: node.clock, db: there.kysely }, { rules, onViolation: () => {} }), /9999_of_tomorrow/);
  });
});

describe('beside writers', () => {
  it('takes the locks of a reader only, holds nobody up, and sees one instant', async (t) => {
    const other = new pg.Client({ connectionString: node.ctx.config.database_url.expose(), statement_timeout: 5_000 });
    await other.connect();
    t.after(() => other.end());
    const written: Promise<unknown>[] = [];
    const modes = new Set<string>();
    const look = { ...aRule(''), queries: () => [sql`select mode from pg_locks where pid = pg_backend_pid() and locktype = 'relation'`] } as Rule;
    // Everything is open in this transaction by now: every table, in every way that the rules read.
    const { results } = await verify(
      { clock: node.clock, db },
      {
        rules: [...lasting, look, ...rulesNamed('I-11')],
        onViolation: (rule, row) => {
          if (rule !== look) return;
          modes.add(String(row.mode));
          // A writer comes while all those locks are held: of a payment, and of a whole table.
          if (written.length === 0)
            written.push(other.query('update payments set refund_count = refund_count + 1').then(() => other.query('analyze payments')));
        },
      },
    );
    await Promise.all(written);
    assert.deepEqual([...modes], ['AccessShareLock']);
    assert.deepEqual(
      results.filter(({ rule, state }) => rule !== look && state !== 'holds').map(({ rule }) => rule.id),
      [],
      'what was written meanwhile is not in the snapshot',
    );
    assert.equal((await run(rulesNamed('I-11.2'))).results[0]?.state, 'violated', 'and is in the next one');
    await other.query('update payments set refund_count = refund_count - 1');
  });

  it('waits for no table that is locked, and says unknown', async (t) => {
    const other = new pg.Client({ connectionString: node.ctx.config.database_url.expose() });
    await other.connect();
    t.after(() => other.end());
    await other.query('begin');
    await other.query('lock table request_nonces in access exclusive mode');
    const short: Rule = {
      ...aRule(''),
      queries: () => [sql`select merchant_id as id from request_nonces where set_config('lock_timeout', '1', true) is null`],
    };
    const quick: Rule = { ...aRule(''), queries: () => [sql`select 1 as id where set_config('lock_timeout', '50ms', true) is null`] };
    const { results } = await run([quick, short, ...rulesNamed('I-11.1')]);
    assert.deepEqual(
      results.map(({ state }) => state),
      ['holds', 'unknown', 'holds'],
    );
    assert.match(results[1]?.problem ?? '', /lock timeout/);
    await other.query('rollback');
  });
});

/** What grows with every payment. */
const large = ['payments', 'attempts', 'refunds', 'transitions', 'evidence', 'events', 'deliveries', 'idempotency_keys'];
type PlanNode = {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly 'Parent Relationship'?: string;
  readonly Plans?: readonly PlanNode[];
};
const nodesOf = (plan: PlanNode): PlanNode[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];

/** The plan of each query of the rules, as `verify` would run it, with further settings. */
async function plans(scopeOf: (all: Scope) => Scope, settings: readonly string[], see: (rule: Rule, nodes: readonly PlanNode[]) => void): Promise<void> {
  await db
    .transaction()
    .setAccessMode('read only')
    .execute(async (tx) => {
      await prepare(tx);
      for (const setting of settings) await sql.raw(`set local ${setting}`).execute(tx);
      const all = everything({ now: node.clock.now(), catalogue: await readCatalogue(tx) });
      const scope = scopeOf(all);
      for (const rule of rules.filter(({ area, since }) => area !== 'schema' && (scope === all || since === 'touched'))) {
        for (const query of rule.queries(scope)) {
          const { rows } = await sql<{ 'QUERY PLAN': readonly { Plan: PlanNode }[] }>`explain (format json) ${statementOf(query, scope)}`.execute(tx);
          see(rule, nodesOf(rows[0]?.['QUERY PLAN'][0]?.Plan as PlanNode));
        }
      }
    });
}

/** Rules that look up one by one what no join has taken away: rows that are violations, or hardly any. */
const looks_up_few = ['I-43.4'];

describe('time grows with what is looked at', () => {
  it('a run over everything joins by hashing, and looks nothing up row by row', async () => {
    let joins = 0;
    await plans(
      (all) => all,
      [],
      ({ id }, nodes) => {
        joins += nodes.filter((each) => each['Node Type'] === 'Hash Join').length;
        // The parts of a value, as the tiers of a price are, are no rows of a table.
        const isLookUp = (each: PlanNode) =>
          each['Parent Relationship'] === 'SubPlan' && !looks_up_few.includes(id) && nodesOf(each).some((node) => node['Relation Name'] !== undefined);
        const slow = nodes.filter((each) => ['Nested Loop', 'Merge Join'].includes(each['Node Type']) || isLookUp(each));
        assert.deepEqual(slow, [], id);
      },
    );
    assert.ok(joins > 20);
  });

  it('a run since a time reads no large table whole', async () => {
    const since = (all: Scope) => touchedSince(all, new Date(all.now.getTime() - 3_600_000));
    // These books are small enough to be read whole; forbidden to, the planner shows whether it could do otherwise.
    await plans(since, ['enable_seqscan = off', 'enable_bitmapscan = off'], ({ id }, nodes) => {
      // What is open is all that its index holds.
      const isWhole = (each: PlanNode) => !each['Index Cond'] && !each['Index Name']?.endsWith('_due');
      const whole = nodes.filter((each) => /Scan$/.test(each['Node Type']) && large.includes(each['Relation Name'] ?? '') && isWhole(each));
      assert.deepEqual(whole, [], id);
    });
  });
});

it('a standby answers as well, though nothing can be written to it', async (t) => {
  const data_dir = mkdtempSync(join(tmpdir(), 'heliu-standby-'));
  t.after(() => rmSync(data_dir, { recursive: true, force: true }));
  const log = createLog('silent', systemClock);
  const options: EmbeddedOptions = {
    data_dir,
    clock: systemClock,
    rng: systemRng,
    log,
    settings: { fsync: 'off', shared_buffers: '32MB', max_connections: '20' },
  };
  const connect = (database_url: EmbeddedUrl) =>
    createDb(createPool({ database_url, pool_max: 1, log, application_name: 'test' }), createMetrics({ process_metrics: false }));
  const primary = await startEmbedded(options);
  await migrate({ database_url: primary.database_url, clock: systemClock, log });
  const before_copy = connect(primary.database_url);
  await before_copy.kysely.transaction().execute((tx) => writeBooks(tx, { payments: 100, merchants: 1, now: systemClock.now(), step_ms: 1_000 }));
  await sql`update payments set refund_count = 7 where state = 'pending'`.execute(before_copy.kysely);
  await before_copy.close();
  await primary.stop();
  // A stopped database that is told so starts as a standby without a primary.
  writeFileSync(join(data_dir, 'postgres', 'cluster', 'standby.signal'), '');
  const standby = await startEmbedded(options);
  t.after(() => standby.stop());
  const there = connect(standby.database_url);
  t.after(() => there.close());
  const [state] = (await sql<{ recovers: boolean }>`select pg_is_in_recovery() as recovers`.execute(there.kysely)).rows;
  assert.equal(state?.recovers, true);
  const { results } = await verify({ clock: systemClock, db: there.kysely }, { rules: lasting, onViolation: () => {} });
  assert.deepEqual(
    results.filter(({ state }) => state !== 'holds').map(({ rule, state, violations }) => [rule.id, state, violations]),
    [['I-11.2', 'violated', 1]],
  );
});
type EmbeddedUrl = Parameters<typeof createPool>[0]['database_url'];
