import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import pg from 'pg';
import { createTestClock } from '../../testing/clock.ts';
import { createEmptyDatabase } from '../../testing/database.ts';
import { createLog } from '../log.ts';
import { generateTables } from './gen-tables.ts';
import { type MigrateOptions, MigrationError, migrate, readMigrations } from './migrate.ts';

const clock = createTestClock(new Date('2026-11-22T00:00:00.000Z'));
const files = { '0001_first.sql': 'create table a (id integer primary key);', '0002_second.sql': "insert into a values (1); comment on table a is 'x';" };

/** An empty database and a directory with the migrations given. */
async function place(t: TestContext, sql: Readonly<Record<string, string>>): Promise<MigrateOptions & { readonly directory: string }> {
  const database = await createEmptyDatabase();
  t.after(database.drop);
  const directory = await mkdtemp(join(tmpdir(), 'heliu-migrations-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(sql)) await writeFile(join(directory, name), text);
  return { database_url: database.database_url, clock, log: createLog('silent', clock), directory };
}

async function ask(options: MigrateOptions, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: options.database_url.expose() });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

describe('migrations', () => {
  test('are applied in order, once', async (t) => {
    const options = await place(t, files);
    assert.deepEqual(await migrate(options), ['0001_first.sql', '0002_second.sql']);
    assert.deepEqual(await migrate(options), []);
    assert.deepEqual(await ask(options, 'select number, name, applied_at from schema_migrations order by number'), [
      { number: 1, name: '0001_first.sql', applied_at: clock.now() },
      { number: 2, name: '0002_second.sql', applied_at: clock.now() },
    ]);
    await writeFile(join(options.directory, '0003_third.sql'), 'insert into a values (3);');
    assert.deepEqual(await migrate(options), ['0003_third.sql']);
  });

  test('are applied once when many processes start together', async (t) => {
    const options = await place(t, files);
    const applied = await Promise.all(Array.from({ length: 6 }, () => migrate(options)));
    assert.deepEqual(applied.flat().sort(), ['0001_first.sql', '0002_second.sql']);
  });

  test('that fail leave nothing of themselves, and what went before stays', async (t) => {
    const options = await place(t, { ...files, '0003_bad.sql': 'create table b (id integer); select 1 / 0;' });
    await assert.rejects(migrate(options), (error) => {
      assert.ok(error instanceof MigrationError);
      assert.match(error.message, /0003_bad\.sql failed and left nothing behind: division by zero/);
      return true;
    });
    assert.deepEqual(await ask(options, "select count(*)::int as count, to_regclass('b')::text as b from schema_migrations"), [{ count: 2, b: null }]);
    await writeFile(join(options.directory, '0003_bad.sql'), 'create table b (id integer);');
    assert.deepEqual(await migrate(options), ['0003_bad.sql']);
  });

  test('are refused when an applied file was changed, renamed or taken away', async (t) => {
    const options = await place(t, files);
    await migrate(options);
    await writeFile(join(options.directory, '0001_first.sql'), 'create table a (id bigint primary key);');
    await assert.rejects(migrate(options), /0001_first\.sql was changed after it was applied/);
    await rm(join(options.directory, '0001_first.sql'));
    await writeFile(join(options.directory, '0001_other.sql'), files['0001_first.sql']);
    await assert.rejects(migrate(options), /has migration 0001_first\.sql where the files have 0001_other\.sql/);
    await rm(join(options.directory, '0001_other.sql'));
    await rm(join(options.directory, '0002_second.sql'));
    await writeFile(join(options.directory, '0001_first.sql'), files['0001_first.sql']);
    await assert.rejects(migrate(options), /0002_second\.sql, which this version of Heliu does not know: start the newer version/);
  });

  test('take the same checksum whatever line ends a checkout gave them', async (t) => {
    const options = await place(t, { '0001_first.sql': 'select 1;\nselect 2;\n' });
    const [unix] = await readMigrations(options.directory);
    await writeFile(join(options.directory, '0001_first.sql'), 'select 1;\r\nselect 2;\r\n');
    assert.equal((await readMigrations(options.directory))[0]?.checksum, unix?.checksum);
  });

  for (const name of ['0003_gap.sql', '0001_twice.sql', '2_short.sql', '0002-dash.sql']) {
    test(`are refused when one is numbered ${name}`, async (t) => {
      const options = await place(t, { '0001_first.sql': 'select 1', [name]: 'select 1' });
      await assert.rejects(migrate(options), MigrationError);
    });
  }
});

test('row types are printed from the schema: literals from checks, optional where there is a default', async (t) => {
  const options = await place(t, {
    '0001_types.sql': `create table some_things (
      id text primary key, state text not null default 'new' check (state in ('new', 'old')), currency text not null check (currency = 'CNY'),
      fen bigint not null check (fen > 0), tries integer not null default 0, at timestamptz, day date not null, hash bytea not null,
      detail jsonb not null, extra jsonb, meta jsonb not null default '{}', tags text[] not null default '{}', done boolean not null);`,
  });
  await migrate(options);
  const text = await generateTables(options.database_url);
  const printed = text.slice(text.indexOf('export interface SomeThingsTable'), text.indexOf('/** Every table'));
  assert.equal(
    printed.trim(),
    `export interface SomeThingsTable {
  id: string;
  state: Generated<'new' | 'old'>;
  currency: 'CNY';
  fen: bigint;
  tries: Generated<number>;
  at: Date | null;
  day: string;
  hash: Buffer;
  detail: Json;
  extra: NullableJson;
  meta: GeneratedJson;
  tags: Generated<string[]>;
  done: boolean;
}`,
  );
  assert.match(text, /export interface Tables \{\n {2}some_things: SomeThingsTable;\n\}/);
});

test('row types of a kind that nobody has thought of are an error', async (t) => {
  const options = await place(t, { '0001_types.sql': 'create table odd (span interval not null);' });
  await migrate(options);
  await assert.rejects(generateTables(options.database_url), /odd\.span has type interval: say in gen-tables\.ts/);
});
