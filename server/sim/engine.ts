import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { Secret } from '../kernel/secret.ts';
import { migrations_directory, readMigrations } from '../platform/db/migrate.ts';
import { connectionSettings } from '../platform/db/pool.ts';
import { keep, kept } from './kept.ts';

/** The driver's own writing and reading of PostgreSQL's protocol, so that values are exactly what a real connection gives. */
const require = createRequire(import.meta.url);
const { serialize } = require('pg-protocol') as { readonly serialize: Serialize };
const { Parser } = require('pg-protocol/dist/parser') as { readonly Parser: new () => { parse(bytes: Buffer, each: (message: Message) => void): void } };
const { prepareValue } = require('pg/lib/utils') as { readonly prepareValue: (value: unknown) => unknown };

type Serialize = {
  query(text: string): Buffer;
  parse(query: { name: string; text: string }): Buffer;
  bind(config: { statement: string; values: readonly unknown[]; valueMapper: (value: unknown) => unknown }): Buffer;
  describe(what: { type: 'S'; name: string }): Buffer;
  execute(config?: { rows?: number }): Buffer;
  sync(): Buffer;
};
type Field = { readonly name: string; readonly dataTypeID: number; readonly format: 'text' | 'binary' };
type Message =
  | { readonly name: 'rowDescription'; readonly fields: readonly Field[] }
  | { readonly name: 'dataRow'; readonly fields: readonly (string | null)[] }
  | { readonly name: 'commandComplete'; readonly text: string }
  | { readonly name: 'notification'; readonly channel: string; readonly payload: string }
  | ({ readonly name: 'error' } & Error);

export type Result = { readonly rows: Record<string, unknown>[]; readonly command: string; readonly rowCount: number | null };

/**
 * PostgreSQL in this process, on one session and without waiting: a statement is done when `query` returns. Named
 * statements are prepared once in the process; the tables are emptied from world to world.
 */
export type Engine = {
  /** Throws PostgreSQL's own error as the driver would. */
  readonly query: (text: string, values?: readonly unknown[], name?: string) => Result;
  /** News that was announced by what has committed since. */
  readonly takeNews: () => readonly string[];
  readonly empty: () => void;
};

type Prepared = { readonly name: string; columns: readonly { readonly name: string; readonly read: (text: string) => unknown }[] | undefined };

/** A migrated database as it was kept by an earlier process of the same migrations: making one takes 5 s of a core (2026-11-23). */
async function openDatabase(): Promise<PGlite> {
  const migrations = await readMigrations(migrations_directory);
  const { version } = require(join(dirname(require.resolve('@electric-sql/pglite')), '..', 'package.json')) as { readonly version: string };
  const digest = createHash('sha256').update([version, statistics, ...migrations.map(({ checksum }) => checksum)].join());
  const name = `database-${digest.digest('hex').slice(0, 16)}.tar`;
  const bytes = kept(name);
  const opened = bytes && (await PGlite.create({ loadDataDir: new Blob([new Uint8Array(bytes)]) }).catch(() => undefined));
  if (opened) return opened;
  const made = await PGlite.create();
  for (const { sql } of migrations) await made.exec(sql);
  await made.exec(statistics);
  const dump = await made.dumpDataDir('none');
  keep(name, Buffer.from(await dump.arrayBuffer()));
  return made;
}

/**
 * What PostgreSQL would know of the tables of a running system: empty as they are when plans are made, it believes that all
 * rows of a merchant are one, and reads them all for each row that it looks up.
 */
const statistics = `
  select pg_restore_attribute_stats(
    'schemaname', 'public', 'relname', c.relname::text, 'attname', a.attname::text, 'inherited', false,
    'null_frac', 0::real, 'avg_width', 30,
    'n_distinct', (case when a.attname = 'merchant_id' then 4 when a.attname ~ '(id|no|number|hash|sequence)$' then -1 else 6 end)::real)
  from pg_class c join pg_attribute a on a.attrelid = c.oid
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped`;

/** Opens a migrated database. It takes a second or some, once in a process. */
export async function openEngine(): Promise<Engine> {
  const database = await openDatabase();
  const { getTypeParser } = (connectionSettings(new Secret('')) as { types: { getTypeParser: (id: number, format: string) => (text: string) => unknown } })
    .types;
  const prepared = new Map<string, Prepared>();
  let news: string[] = [];
  // The pool's own settings, and less bookkeeping: nothing here survives the process.
  const settings = [
    'set plan_cache_mode = force_generic_plan',
    'set random_page_cost = 1.1',
    "set timezone = 'UTC'",
    'set synchronous_commit = off',
    'set track_counts = off',
    'set track_activities = off',
    'set jit = off',
    'listen heliu_changes',
  ];
  const end = serialize.sync();

  /**
   * The server's bytes for ours. They come before the call returns, since nothing is written to a disk; the call that says
   * so in its type reads every answer itself, which was a twentieth of a world's time (2026-11-22).
   */
  const exchanged = (message: Buffer): Buffer => {
    const parts: Uint8Array[] = [];
    // The bytes are the server's own memory, which its next answer is written over.
    database.execProtocolRawStream(message, { syncToFs: false, onRawData: (bytes) => parts.push(bytes.slice()) });
    return Buffer.concat(parts);
  };
  /** Sends messages and gives what came back; an error is thrown when all of it was read. */
  const talk = (message: Buffer, columns: Prepared['columns'], describe: (fields: readonly Field[]) => NonNullable<Prepared['columns']>): Result => {
    const rows: Record<string, unknown>[] = [];
    let command = '';
    let count: number | null = null;
    let failed: Error | undefined;
    let reading = columns;
    new Parser().parse(exchanged(message), (said) => {
      if (said.name === 'rowDescription') reading = describe(said.fields);
      else if (said.name === 'dataRow') rows.push(rowOf(reading ?? [], said.fields));
      else if (said.name === 'commandComplete') {
        const words = said.text.split(' ');
        command = words[0] ?? '';
        const last = Number(words.at(-1));
        count = Number.isInteger(last) && words.length > 1 ? last : null;
      } else if (said.name === 'notification') news.push(said.payload);
      else if (said.name === 'error') failed ??= said;
    });
    if (failed) throw failed;
    return { rows, command, rowCount: count };
  };
  const readers = (fields: readonly Field[]) => fields.map(({ name, dataTypeID, format }) => ({ name, read: getTypeParser(dataTypeID, format) }));

  const simple = (text: string): Result => talk(serialize.query(text), undefined, readers);
  const query: Engine['query'] = (text, values = [], name) => {
    // Transactions' own words have no plan.
    if (/^(begin|commit|rollback|start|savepoint|release|analyze|truncate|set|delete)/i.test(text) && values.length === 0) return simple(text);
    const key = name ?? text;
    let statement = prepared.get(key);
    if (!statement) {
      statement = { name: name ?? `s${prepared.size}`, columns: undefined };
      talk(Buffer.concat([serialize.parse({ name: statement.name, text }), end]), undefined, readers);
      prepared.set(key, statement);
    }
    const held = statement;
    const describe = held.columns ? [] : [serialize.describe({ type: 'S', name: held.name })];
    const bind = serialize.bind({ statement: held.name, values, valueMapper: prepareValue });
    return talk(Buffer.concat([...describe, bind, serialize.execute(), end]), held.columns, (fields) => {
      held.columns = readers(fields);
      return held.columns;
    });
  };

  for (const setting of settings) simple(setting);
  const tables = simple("select tablename from pg_tables where schemaname = 'public' order by tablename").rows.map(({ tablename }) => String(tablename));
  const clear = `truncate ${tables.join(', ')}`;
  return {
    query,
    takeNews: () => {
      const taken = news;
      news = [];
      return taken;
    },
    empty: () => {
      // A world that was broken off may have left a transaction open.
      simple('rollback');
      // The ledger's tables refuse to be emptied, as long as their triggers work.
      simple('set session_replication_role = replica');
      simple(clear);
      simple('set session_replication_role = origin');
      news = [];
    },
  };
}

function rowOf(columns: NonNullable<Prepared['columns']>, fields: readonly (string | null)[]): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (const [at, { name, read }] of columns.entries()) {
    const field = fields[at];
    row[name] = field === null || field === undefined ? null : read(field);
  }
  return row;
}
