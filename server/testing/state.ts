import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { EventType } from '@heliu/contract';
import { sql } from 'kysely';
import type { Ctx } from '../platform/ctx.ts';
import { until } from './until.ts';
import type { World } from './world.ts';

/** Grows though the request was refused: a nonce that was seen stays seen, or the same signature could be tried for ever. */
const grows_by_refusals = ['request_nonces'] as const;

/**
 * What Heliu does by itself once time passes: events of before are numbered and sent, the ledger and the volumes of prices
 * follow them, health is counted, and bills come due. A test in which time flows leaves these out and looks at them itself.
 */
export const moved_by_time = [
  'events',
  'event_sequences',
  'deliveries',
  'ledger_books',
  'ledger_postings',
  'ledger_entries',
  'ledger_turnovers',
  'price_volumes',
  'bill_days',
  'account_health',
] as const;

/** What a question for a person leaves: the anomaly, and the exception that is opened for it. */
export const questions = ['anomalies', 'recon_exceptions', 'recon_exception_steps'] as const;

/** Every table that the schema has today, so that one that is added tomorrow falls under the oracle by itself. */
async function tablesOf(ctx: Ctx): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select table_name as name from information_schema.tables
    where table_schema = 'public' and table_type = 'BASE TABLE' order by 1`.execute(ctx.db.kysely);
  return rows.map(({ name }) => name);
}

/**
 * The number of rows of each table but those named, of rows that hold none of the ids, and the sum of the rows' own 64-bit hashes: one statement, so that all
 * are of the same moment. A sum needs no order: sorting 67 tables takes ten times as long (50 ms, 2026-11-23).
 */
async function everything(ctx: Ctx, but: readonly string[], about: readonly string[], columns: Columns = {}): Promise<Readonly<Record<string, string>>> {
  const tables = await tablesOf(ctx);
  const left_out = [...grows_by_refusals, ...but];
  assert.ok(tables.includes('payments') && [...left_out, ...Object.keys(columns)].every((name) => tables.includes(name)), 'the oracle sees the tables');
  const text = (name: string) => (columns[name] ? sql`(to_jsonb(t) - ${columns[name]}::text[])::text` : sql`t::text`);
  const of_others = about.length > 0 ? sql`where not exists (select from unnest(${about}::text[]) as id where strpos(t::text, id) > 0)` : sql``;
  const sums = tables
    .filter((name) => !left_out.includes(name))
    .map(
      (name) =>
        sql`select ${sql.lit(name)} as name, concat(count(*), ' ', sum(hashtextextended(${text(name)}, 0))) as rows from ${sql.table(name)} t ${of_others}`,
    );
  const { rows } = await sql<{ name: string; rows: string }>`${sql.join(sums, sql` union all `)}`.execute(ctx.db.kysely);
  return Object.fromEntries(rows.map((table) => [table.name, table.rows]));
}

/**
 * The state oracle: whatever the work does, every row of the database is afterwards what it was. Rows that hold an id of
 * `about` are left out; the work adds to it what it made on purpose.
 */
export async function unchanged(ctx: Ctx, work: () => Promise<void>, but: readonly string[] = [], about: readonly string[] = []): Promise<void> {
  let before: Readonly<Record<string, string>> = {};
  // What came due while the clock was moved comes to its end; then time stands still.
  await until('the database is at rest', async () => {
    const last = before;
    before = await everything(ctx, but, about);
    return isDeepStrictEqual(before, last);
  });
  await work();
  assert.deepEqual(await everything(ctx, but, about), before, 'what was refused changed the database');
}

type Columns = Readonly<Record<string, readonly string[]>>;

/** What the work rightly does: nothing beside it may happen. */
export type Rightly = {
  /** Rows that hold one of these ids, in any table: the work makes or moves them on purpose. */
  readonly about?: readonly string[];
  /** Tables that are left out whole: counters of what `about` names. */
  readonly but?: readonly string[];
  /** What may be added. What these tables held stays as it was. */
  readonly gains?: Gains;
  /** Columns of which nothing is asked. */
  readonly columns?: Columns;
};

/** New rows hold one of the ids `of`. Events, each with its deliveries, are added of these types alone. */
export type Gains = { readonly in: readonly string[]; readonly of: readonly string[]; readonly events?: readonly EventType[] };

/** Bills come due and the health of accounts is counted whatever is told meanwhile. */
const moved_beside = ['bill_days', 'account_health'] as const;

/**
 * Lets time pass until every event has its number, the ledger has followed all of them and every delivery has come to its
 * end: a change that was made shows in all tables then.
 */
export async function atRest({ ctx, until: pass }: Pick<World, 'ctx' | 'until'>): Promise<void> {
  await pass(async () => {
    const { rows } = await sql<{ rests: boolean }>`select not exists (select from events where sequence is null)
      and not exists (select from deliveries where state = 'pending')
      and not exists (select from event_sequences s left join ledger_books b on b.merchant_id = s.merchant_id and b.livemode = s.livemode
        where s.last > coalesce(b.position, 0)) as rests`.execute(ctx.db.kysely);
    return rows[0]?.rests ?? false;
  });
}

/**
 * The state oracle where time passes: events, their numbers, deliveries and the ledger come to rest before and after, so
 * that they are compared like every other table.
 */
export async function unchangedAtRest(world: Pick<World, 'ctx' | 'until'>, work: () => Promise<void>, rightly: Rightly = {}): Promise<void> {
  const { about = [], but = [], gains = { in: [], of: [] }, columns = {} } = rightly;
  const growing = [...gains.in, ...(gains.events ? ['events', 'deliveries'] : [])];
  const counters = gains.events ? ['event_sequences', 'ledger_books'] : [];
  const look = () => everything(world.ctx, [...moved_beside, ...but, ...growing, ...counters], about, columns);
  await atRest(world);
  const [before, held] = [await look(), await rowsOf(world.ctx, growing)];
  await work();
  await atRest(world);
  assert.deepEqual(await look(), before, 'what says nothing changed the database');
  const holds = await rowsOf(world.ctx, growing);
  assert.deepEqual(
    [...held.keys()].filter((row) => !holds.has(row)),
    [],
    'rows are gone, or are not what they were',
  );
  assertAllowed(
    [...holds].filter(([row]) => !held.has(row)).map(([, row]) => row),
    gains,
  );
}

function assertAllowed(added: readonly Row[], { of, events = [] }: Gains): void {
  const ids = added.filter(({ name }) => name === 'events').map(({ row }) => row.id);
  for (const { name, row } of added) {
    const is_about = of.some((id) => JSON.stringify(row).includes(id));
    const is_of_type = name === 'events' ? events.includes(row.type as EventType) : name === 'deliveries' ? ids.includes(row.event_id) : true;
    assert.ok(is_about && is_of_type, `a row of ${name} was added: ${JSON.stringify(row).slice(0, 500)}`);
  }
}

type Row = { readonly name: string; readonly row: Readonly<Record<string, unknown>> };

/** The rows of these tables by all that they say. */
async function rowsOf({ db }: Ctx, tables: readonly string[]): Promise<ReadonlyMap<string, Row>> {
  if (tables.length === 0) return new Map();
  const each = tables.map((name) => sql`select ${sql.lit(name)} as name, to_jsonb(t) as row from ${sql.table(name)} t`);
  const { rows } = await sql<Row>`${sql.join(each, sql` union all `)}`.execute(db.kysely);
  return new Map(rows.map((row) => [JSON.stringify(row), row]));
}
