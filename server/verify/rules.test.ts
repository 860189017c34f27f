import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Kysely, sql } from 'kysely';
import type { Tables } from '../platform/db/tables.gen.ts';
import { type TestCtx, testCtx } from '../testing/ctx.ts';
import { readCatalogue } from './catalogue.ts';
import type { Rule, Violation } from './rule.ts';
import { links } from './rules/isolation.ts';
import { rules, rulesNamed } from './rules.ts';
import { everything, type Scope, touchedSince } from './scope.ts';
import { writeBooks } from './testing/books.ts';
import { type Ids, plants, type Row } from './testing/plants.ts';
import { statementOf } from './verify.ts';

/** Rules over books that are right otherwise. What PostgreSQL itself would refuse is let through: here its checks and unique indexes are dropped. */
const payments = 200;
const books = { payments, merchants: 2, step_ms: 1_000 };

/** The database's own promises, taken away one by one. */
const removals: readonly (readonly [breaks: Rule['id'], by: string])[] = [
  ['I-07.1', 'alter table payments drop constraint payments_order_no'],
  ['I-07.1', 'drop index attempts_one_accepted'],
  ['I-07.1', "drop index refunds_automatic; create unique index refunds_automatic on refunds (merchant_id, attempt_id) where cause = 'late'"],
  ['I-07.1', 'drop index attempts_transaction; create index on attempts (merchant_id, channel_account_id, channel_transaction_id)'],
  ['I-11.4', 'alter table payments rename constraint payments_sound to payments_told'],
  ['I-11.4', 'alter table attempts rename constraint attempts_sound to attempts_told'],
  [
    'I-11.4',
    "alter table refunds drop constraint refunds_due; alter table refunds add constraint refunds_due check (state <> 'sending' or next_query_at is not null) not valid",
  ],
  ['I-25.2', 'drop trigger ledger_entries_sum_to_zero on ledger_entries'],
  ['I-25.2', 'alter table ledger_postings disable trigger ledger_postings_only_added'],
  ['I-28b.1', 'alter table payments add column fee_rate double precision'],
  ['I-28b.1', 'alter table payments add column fee_fen bigint not null default 0'],
  ['I-28b.1', 'alter table refunds alter column amount_fen drop not null'],
  ['I-41.4', 'alter table refunds drop constraint refunds_merchant_id_attempt_id_fkey'],
  ['I-41.4', 'alter table refunds disable trigger all'],
  [
    'I-41.4',
    'create table elsewhere (id text primary key, merchant_id text); create table here (id text, merchant_id text); alter table here add constraint crossing foreign key (id) references elsewhere (id)',
  ],
];

let world: TestCtx;
/** Of the database as its migrations made it. */
let pristine: TestCtx;
let ids: Ids;
before(async () => {
  [world, pristine] = await Promise.all([testCtx(), testCtx()]);
  for (const { ctx, clock } of [world, pristine]) await ctx.db.kysely.transaction().execute((tx) => writeBooks(tx, { ...books, now: clock.now() }));
  ids = await idsOf(world.ctx.db.kysely);
  await sql`do $$ declare c record; begin
    for c in select conrelid::regclass as t, conname from pg_constraint where contype in ('c', 'u') and connamespace = current_schema()::regnamespace
      loop execute format('alter table %s drop constraint %I', c.t, c.conname); end loop;
    for c in select indexrelid::regclass as i from pg_index join pg_class r on r.oid = indrelid where indisunique and not indisprimary and r.relnamespace = current_schema()::regnamespace
      loop execute format('drop index %s', c.i); end loop;
  end $$`.execute(world.ctx.db.kysely);
});
after(() => Promise.all([world.close(), pristine.close()]));

async function idsOf(db: Kysely<Tables>): Promise<Ids> {
  const { rows } = await sql<
    Row & { nth: number }
  >`select p.merchant_id as mer, p.id as pay, min(a.id) as att, max(a.id) as att2, max(r.id) as ref, substr(merchant_order_no, 7)::integer as nth
    from payments p join attempts a on a.payment_id = p.id left join refunds r on r.payment_id = p.id group by p.merchant_id, p.id, p.merchant_order_no`.execute(
    db,
  );
  const nth = (wanted: number): Row => rows.find((row) => row.nth === wanted) as Row;
  // The kinds of a hundred in their order; `other` belongs to the other merchant than the even ones.
  return {
    paid: nth(2),
    closed: nth(80),
    refunded: nth(90),
    duplicate: nth(95),
    late: nth(96),
    second_try: nth(97),
    open: nth(98),
    refund_refused: nth(99),
    other: nth(1),
  };
}

/** Everything that rules find, in a transaction that leaves nothing behind. */
async function found(node: TestCtx, statements: readonly string[], held: readonly Rule[], scopeOf: (given: Given) => Scope): Promise<Map<string, Violation[]>> {
  const undone = new Error('undone');
  const told = new Map<string, Violation[]>();
  await node.ctx.db.kysely
    .transaction()
    .execute(async (tx) => {
      await sql`set local session_replication_role = replica`.execute(tx);
      for (const statement of statements) await sql.raw(statement).execute(tx);
      const scope = scopeOf({ now: node.clock.now(), catalogue: await readCatalogue(tx) });
      for (const rule of held) {
        for (const query of rule.queries(rule.since === 'touched' ? scope : everything(scope))) {
          const { rows } = await statementOf(query, rule.since === 'touched' ? scope : everything(scope)).execute(tx);
          if (rows.length > 0) told.set(rule.id, [...(told.get(rule.id) ?? []), ...rows]);
        }
      }
      throw undone;
    })
    .catch((error: unknown) => {
      if (error !== undone) throw error;
    });
  return told;
}
type Given = Parameters<typeof everything>[0];

/** Open payments are there on purpose, so what holds only when quiet is looked at by itself. */
const row_rules = rules.filter((rule) => rule.area !== 'schema' && rule.class !== 'Q');
const listOf = (value: string | readonly string[]): readonly string[] => (typeof value === 'string' ? [value] : value);

describe('each rule tells of the row that breaks it, and no other rule does', () => {
  for (const { breaks, also = [], by } of plants) {
    const title = String(by).replace(/\s+/g, ' ').slice(0, 110);
    it(`${breaks} ${title}`, async () => {
      const statements = listOf(by(ids));
      const told = await found(world, statements, row_rules, everything);
      assert.deepEqual([...told.keys()].toSorted(), [breaks, ...also].toSorted());
      const rule = rules.find(({ id }) => id === breaks);
      for (const row of told.get(breaks) ?? [])
        for (const name of rule?.names ?? []) assert.ok(name in row || name === 'merchant_id', `${name} in ${Object.keys(row)}`);
      // All of it was touched within the day, so a run since then finds the same.
      const concerned = row_rules.filter(({ id }) => id === breaks || also.includes(id));
      const day = await found(world, statements, concerned, (given) => touchedSince(given, new Date(given.now.getTime() - 86_400_000)));
      assert.deepEqual([...day.keys()].toSorted(), [breaks, ...also].toSorted(), 'since yesterday');
    });
  }
});

describe('I-41.1 every link from one table to another is followed', () => {
  it('foreign keys by the catalogue, and those that have none', async () => {
    const { foreign_keys } = await readCatalogue(pristine.ctx.db.kysely);
    assert.ok(foreign_keys.length >= 8);
    const [rule] = rulesNamed('I-41.1');
    assert.ok(rule);
    for (const [at, { child, child_columns, parent }] of [...foreign_keys, ...links].entries()) {
      const one: Rule = { ...rule, queries: (of) => rule.queries(of).slice(at, at + 1) };
      const column = child_columns.find((name) => !['merchant_id', 'livemode', 'id'].includes(name)) ?? 'merchant_id';
      const value = column.endsWith('version') ? '99' : "'elsewhere'";
      const statement = `update ${child} set ${column} = ${value} where ctid = (select ctid from ${child} where ${column} is not null limit 1)`;
      // Rows of a merchant that is not there are seen by a run over everything only: what was touched is found merchant by merchant.
      const since = (given: Given) => touchedSince(given, new Date(given.now.getTime() - 86_400_000));
      for (const scopeOf of column === 'merchant_id' ? [everything] : [everything, since]) {
        const told = await found(pristine, [statement], [one], scopeOf);
        const rows = told.get('I-41.1') ?? [];
        assert.ok(
          rows.some((row) => row.table_name === child && row.parent === parent),
          `${statement}: ${parent}`,
        );
      }
    }
  });
});

describe('each promise of the database is missed when it is gone', () => {
  const schema_rules = rules.filter(({ area }) => area === 'schema');
  for (const [breaks, by] of removals) {
    it(`${breaks} ${by.slice(0, 90)}`, async () => {
      const told = await found(pristine, by.split('; '), schema_rules, everything);
      assert.deepEqual([...told.keys()], [breaks]);
    });
  }
});

describe('the list', () => {
  it('finds nothing in books that are right', async () => {
    const told = await found(
      pristine,
      [],
      rules.filter((rule) => rule.class !== 'Q'),
      everything,
    );
    assert.deepEqual([...told], []);
  });

  it('has no rule that nothing breaks, no id twice, and says everything in both languages', () => {
    const broken = new Set([...plants.map(({ breaks }) => breaks), ...removals.map(([breaks]) => breaks)]);
    assert.deepEqual(
      rules.filter(({ id, class: of_class }) => of_class !== 'Q' && !broken.has(id)).map(({ id }) => id),
      [],
    );
    assert.equal(new Set(rules.map(({ id }) => id)).size, rules.length);
    for (const { id, title, remedy } of rules) {
      for (const { zh, en } of [title, remedy]) assert.ok(/\p{Script=Han}/u.test(zh) && !/\p{Script=Han}/u.test(en) && en.length > 0, id);
    }
  });

  it('is asked for by invariant or by rule', () => {
    assert.deepEqual(
      rulesNamed('I-11')
        .map(({ id }) => id)
        .toSorted(),
      ['I-11.1', 'I-11.2', 'I-11.3', 'I-11.4'],
    );
    assert.deepEqual(
      rulesNamed('i-28b.2').map(({ id }) => id),
      ['I-28b.2'],
    );
    assert.deepEqual(rulesNamed('I-1'), []);
  });

  it('Q: tells what is open and what did not arrive', async () => {
    const quiet = rules.filter((rule) => rule.class === 'Q');
    const told = await found(world, ["update deliveries set state = 'dead' where id = (select min(id) from deliveries)"], quiet, everything);
    assert.deepEqual([told.get('I-20.3')?.length, told.get('I-30.4')?.length], [payments / 50, 1]);
  });
});

describe('a run since some time', () => {
  it('looks at what is open or was touched since, and at nothing else', async () => {
    const all = ['update payments set refund_count = 7', 'update idempotency_keys set status = 500'];
    const told = await found(world, all, row_rules, (given) => touchedSince(given, new Date(given.now.getTime() + 86_400_000)));
    assert.deepEqual([...told.keys()], ['I-11.2']);
    assert.equal(told.get('I-11.2')?.length, payments / 100, 'what is open is always looked at');
  });
});
