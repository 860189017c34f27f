import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import type { Secret } from '../../kernel/secret.ts';
import type { Clock } from '../../kernel/time.ts';
import type { Log } from '../log.ts';
import { connectionSettings } from './pool.ts';

/** Numbered SQL files, forward only: `0001_first_payment.sql`. */
export type Migration = { readonly number: number; readonly name: string; readonly sql: string; readonly checksum: string };

export type MigrateOptions = { readonly database_url: Secret; readonly clock: Clock; readonly log: Log; readonly directory?: string };

export const migrations_directory = join(import.meta.dirname, '..', '..', 'migrations');

/** Any constant will do, as long as nothing else of ours takes it. */
const advisory_lock = 7_262_001;

/**
 * Brings the schema up to date and says what was applied. Each file runs in a transaction of its own. Processes that start
 * together wait for one another, and all but the first find nothing to do.
 */
export async function migrate(options: MigrateOptions): Promise<readonly string[]> {
  const migrations = await readMigrations(options.directory ?? migrations_directory);
  // No statement time-out: a file may build an index on a large table. The session's end frees the lock, whatever happens.
  const client = new pg.Client({ ...connectionSettings(options.database_url), application_name: 'heliu-migrate' });
  // One that is lost fails the statement under way; without a listener it would end the process.
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [advisory_lock]);
    return await applyPending(client, migrations, options);
  } finally {
    await client.end();
  }
}

async function applyPending(client: pg.Client, migrations: readonly Migration[], options: MigrateOptions): Promise<readonly string[]> {
  await client.query(
    'create table if not exists schema_migrations (number integer primary key, name text not null, checksum text not null, applied_at timestamptz not null)',
  );
  const { rows } = await client.query<{ number: number; name: string; checksum: string }>(
    'select number, name, checksum from schema_migrations order by number',
  );
  checkHistory(migrations, rows);
  const pending = migrations.slice(rows.length);
  for (const migration of pending) {
    await applyOne(client, migration, options.clock);
    options.log.info({ migration: migration.name }, 'migration applied');
  }
  return pending.map((migration) => migration.name);
}

async function applyOne(client: pg.Client, migration: Migration, clock: Clock): Promise<void> {
  try {
    await client.query('begin');
    await client.query(migration.sql);
    await client.query('insert into schema_migrations (number, name, checksum, applied_at) values ($1, $2, $3, $4)', [
      migration.number,
      migration.name,
      migration.checksum,
      clock.now(),
    ]);
    await client.query('commit');
  } catch (cause) {
    await client.query('rollback').catch(() => {});
    throw new MigrationError(`migration ${migration.name} failed and left nothing behind: ${(cause as Error).message}`, cause);
  }
}

/** The schema and the files do not go together, or a file failed. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
  }
}

/** What was applied must be the beginning of what there is, byte for byte. */
function checkHistory(migrations: readonly Migration[], applied: readonly { number: number; name: string; checksum: string }[]): void {
  for (const [index, row] of applied.entries()) {
    const file = migrations[index];
    if (!file) throw new MigrationError(`the database has migration ${row.name}, which this version of Heliu does not know: start the newer version`);
    if (file.name !== row.name) throw new MigrationError(`the database has migration ${row.name} where the files have ${file.name}`);
    if (file.checksum !== row.checksum)
      throw new MigrationError(`migration ${row.name} was changed after it was applied: undo the change and write a new file`);
  }
}

/** Reads the files in order. A gap or a number given twice is refused: two branches have met. */
export async function readMigrations(directory: string): Promise<readonly Migration[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(
    names.map(async (name, index) => {
      const number = Number(/^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1]);
      if (number !== index + 1) throw new MigrationError(`${name}: migrations are named 0001_name.sql and numbered without gaps; expected ${index + 1}`);
      const sql = (await readFile(join(directory, name), 'utf8')).replaceAll('\r\n', '\n');
      return { number, name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}
