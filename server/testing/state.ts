import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { sql } from 'kysely';
import type { Ctx } from '../platform/ctx.ts';
import { until } from './until.ts';

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
async function everything(ctx: Ctx, but: readonly string[], about: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const tables = await tablesOf(ctx);
  const left_out = [...grows_by_refusals, ...but];
  assert.ok(tables.includes('payments') && left_out.every((name) => tables.includes(name)), 'the oracle sees the tables');
  const of_others = about.length > 0 ? sql`where not exists (select from unnest(${about}::text[]) as id where strpos(t::text, id) > 0)` : sql``;
  const sums = tables
    .filter((name) => !left_out.includes(name))
    .map(
      (name) => sql`select ${sql.lit(name)} as name, concat(count(*), ' ', sum(hashtextextended(t::text, 0))) as rows from ${sql.table(name)} t ${of_others}`,
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
