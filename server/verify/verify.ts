import { type Kysely, sql } from 'kysely';
import { verify_batch_rows, verify_idle_ms_max, verify_lock_ms_max, verify_rule_ms_max } from '../kernel/limits.ts';
import type { Clock } from '../kernel/time.ts';
import { migrations_directory, readMigrations } from '../platform/db/migrate.ts';
import type { Tables } from '../platform/db/tables.gen.ts';
import { readCatalogue } from './catalogue.ts';
import type { Query, Rule, Violation } from './rule.ts';
import { everything, type Scope, touchedSince } from './scope.ts';

export type VerifyInput = {
  readonly rules: readonly Rule[];
  readonly since?: Date | undefined;
  /** Called for each row as it is found. */
  readonly onViolation: (rule: Rule, row: Violation) => void;
  readonly onRule?: (result: RuleResult) => void;
};
/** `unknown`: the rule could not be held against all rows, and what it would have found is not known. */
export type RuleResult = {
  readonly rule: Rule;
  readonly state: 'holds' | 'violated' | 'unknown';
  readonly violations: number;
  readonly ms: number;
  readonly problem?: string;
};
export type Report = { readonly results: readonly RuleResult[]; readonly ms: number };

/** The database cannot be judged by these rules. */
export class VerifyError extends Error {
  override readonly name = 'VerifyError';
}

type VerifyCtx = { readonly clock: Clock; readonly db: Kysely<Tables> };

/**
 * Holds the rules against one snapshot of a database that may be at work, or be a standby. The transaction can only read,
 * takes no lock that a reader does not take, and rows come in batches: neither side holds a table in memory.
 */
export async function verify({ clock, db }: VerifyCtx, input: VerifyInput): Promise<Report> {
  const started_ms = clock.monotonic_ms();
  await checkSchema(db);
  const results: RuleResult[] = [];
  const done = (result: RuleResult): void => {
    results.push(result);
    input.onRule?.(result);
  };
  try {
    await db
      .transaction()
      .setIsolationLevel('repeatable read')
      .setAccessMode('read only')
      .execute(async (tx) => {
        await prepare(tx);
        const given = { now: clock.now(), catalogue: await readCatalogue(tx) };
        const all = everything(given);
        const touched = input.since ? touchedSince(given, input.since) : all;
        for (const rule of input.rules) done(await hold(tx, clock, rule, rule.since === 'touched' ? touched : all, input.onViolation));
      });
  } catch (error) {
    // The connection is gone: what was not held is not known.
    for (const rule of input.rules.slice(results.length)) done({ rule, state: 'unknown', violations: 0, ms: 0, problem: messageOf(error) });
  }
  return { results, ms: clock.monotonic_ms() - started_ms };
}

/** Rules speak of the tables of this version. */
async function checkSchema(db: Kysely<Tables>): Promise<void> {
  const files = await readMigrations(migrations_directory);
  const { rows } = await sql<{ name: string; checksum: string }>`select name, checksum from schema_migrations order by number`
    .execute(db)
    .catch((error: unknown) => {
      throw new VerifyError(`the database cannot be read, or is not one of Heliu: ${messageOf(error)}`);
    });
  const differs = files.length !== rows.length || files.some(({ checksum }, at) => rows[at]?.checksum !== checksum);
  if (!differs) return;
  const newest = (names: readonly { name: string }[]) => names.at(-1)?.name ?? 'none';
  throw new VerifyError(`the database has the schema ${newest(rows)} and these rules are for ${newest(files)}: use the version of Heliu that runs on it`);
}

/**
 * The statements read whole tables. Joins by hashing take every equality for a key and stay linear whatever the planner
 * believes of the tables; over a wrong estimate, a nested loop or a merge by merchant alone would not end (2026-11-22: five
 * minutes and no end for 20,000 attempts and 80,000 refunds of 50 merchants). A cursor is otherwise planned for its first tenth.
 */
export async function prepare(tx: Kysely<Tables>): Promise<void> {
  const settings: Readonly<Record<string, string>> = {
    statement_timeout: String(verify_rule_ms_max),
    lock_timeout: String(verify_lock_ms_max),
    idle_in_transaction_session_timeout: String(verify_idle_ms_max),
    cursor_tuple_fraction: '1',
    enable_nestloop: 'off',
    enable_mergejoin: 'off',
    plan_cache_mode: 'auto',
    jit: 'off',
    work_mem: '32MB',
  };
  await sql`select ${sql.join(Object.entries(settings).map(([name, value]) => sql`set_config(${name}, ${value}, true)`))}`.execute(tx);
}

/** A rule that fails leaves the transaction as it was, for the ones after it. */
async function hold(tx: Kysely<Tables>, clock: Clock, rule: Rule, scope: Scope, onViolation: VerifyInput['onViolation']): Promise<RuleResult> {
  const started_ms = clock.monotonic_ms();
  let violations = 0;
  await sql`savepoint rule`.execute(tx);
  try {
    for (const query of rule.queries(scope)) {
      for await (const row of stream(tx, statementOf(query, scope))) {
        violations++;
        onViolation(rule, row);
      }
    }
    return { rule, state: violations === 0 ? 'holds' : 'violated', violations, ms: clock.monotonic_ms() - started_ms };
  } catch (error) {
    // Throws once more when the connection is lost.
    await sql`rollback to savepoint rule`.execute(tx);
    return { rule, state: 'unknown', violations, ms: clock.monotonic_ms() - started_ms, problem: messageOf(error) };
  }
}

/** The statement of a rule's query, with what its scope has to say before it. */
export const statementOf = (query: Query, { since }: Scope): Query => (since ? sql`${since.with} select * from (${query}) violations` : query);

/** A server-side cursor: one batch at a time is in memory. */
async function* stream(tx: Kysely<Tables>, statement: Query): AsyncGenerator<Violation> {
  await sql`declare violations no scroll cursor for ${statement}`.execute(tx);
  for (;;) {
    const { rows } = await sql<Violation>`fetch forward ${sql.lit(verify_batch_rows)} from violations`.execute(tx);
    yield* rows;
    if (rows.length < verify_batch_rows) break;
  }
  await sql`close violations`.execute(tx);
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message || ((error as { code?: string }).code ?? error.name) : String(error));
