import pg from 'pg';
import type { Secret } from '../../kernel/secret.ts';
import { connectionSettings } from './pool.ts';

/** Prints `tables.gen.ts`: the row types of the migrated schema, read from the database's own catalogue. */
export async function generateTables(database_url: Secret): Promise<string> {
  const client = new pg.Client({ ...connectionSettings(database_url), application_name: 'heliu-gen' });
  await client.connect();
  try {
    const { rows } = await client.query<Column>(columns_sql);
    return printTables(rows);
  } finally {
    await client.end();
  }
}

type Column = {
  readonly table: string;
  readonly column: string;
  readonly type: string;
  readonly nullable: boolean;
  readonly has_default: boolean;
  /** Check constraints that the column is in, as PostgreSQL prints them. */
  readonly checks: readonly string[];
};

const columns_sql = `
  select c.relname as table, a.attname as column, format_type(a.atttypid, null) as type, not a.attnotnull as nullable,
    a.atthasdef or a.attidentity <> '' as has_default,
    coalesce((select array_agg(pg_get_constraintdef(k.oid) order by k.conname) from pg_constraint k
      where k.conrelid = c.oid and k.contype = 'c' and a.attnum = any (k.conkey)), '{}') as checks
  from pg_class c join pg_attribute a on a.attrelid = c.oid
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname <> 'schema_migrations'
    and a.attnum > 0 and not a.attisdropped
  order by c.relname collate "C", a.attnum`;

const heading = `// Generated from the migrated schema by "npm run gen": do not edit.
import type { ColumnType, Generated } from 'kysely';

/** Read as the parsed value, written as JSON text: an array would otherwise become an array of PostgreSQL. */
type Json = ColumnType<unknown, string, string>;
type NullableJson = ColumnType<unknown, string | null | undefined, string | null>;
type GeneratedJson = ColumnType<unknown, string | undefined, string>;
`;

function printTables(columns: readonly Column[]): string {
  const tables = Map.groupBy(columns, (column) => column.table);
  const bodies = [...tables].map(([table, members]) => `export interface ${typeName(table)} {\n${members.map(printColumn).join('')}}\n`);
  const index = [...tables.keys()].map((table) => `  ${table}: ${typeName(table)};\n`).join('');
  return `${heading}\n${bodies.join('\n')}\n/** Every table by its name. */\nexport interface Tables {\n${index}}\n`;
}

function printColumn(column: Column): string {
  return `  ${column.column}: ${columnType(column)};\n`;
}

function columnType(column: Column): string {
  if (column.type === 'jsonb' || column.type === 'json') return column.nullable ? 'NullableJson' : column.has_default ? 'GeneratedJson' : 'Json';
  const listed = column.checks
    .flatMap(conditions)
    .map((condition) => listedTexts(condition, column.column))
    .find((texts) => texts !== undefined);
  const base = listed ? listed.map((text) => `'${text}'`).join(' | ') : scalarType(column);
  const value = column.nullable ? `${base} | null` : base;
  return column.has_default ? `Generated<${value}>` : value;
}

const scalar_types: Readonly<Record<string, string>> = {
  text: 'string',
  'character varying': 'string',
  uuid: 'string',
  bigint: 'bigint',
  integer: 'number',
  smallint: 'number',
  'double precision': 'number',
  boolean: 'boolean',
  'timestamp with time zone': 'Date',
  date: 'string',
  bytea: 'Buffer',
  numeric: 'string',
};

function scalarType({ table, column, type }: Column): string {
  const item = type.endsWith('[]') ? type.slice(0, -2) : type;
  const known = scalar_types[item];
  if (!known) throw new Error(`${table}.${column} has type ${type}: say in gen-tables.ts how it arrives in JavaScript`);
  return item === type ? known : `${known}[]`;
}

/** The conditions of a check, all of which hold: `CHECK (((a > 0) AND (b = 'x'::text)))` has two. */
function conditions(check: string): string[] {
  const whole = /^CHECK \((.*)\)$/s.exec(check)?.[1] ?? '';
  const inside = parts(whole).length === 1 && whole.startsWith('(') ? whole.slice(1, -1) : whole;
  const found = parts(inside);
  return found.length > 1 ? found : [whole];
}

/** Splits at each AND that stands in no bracket. */
function parts(text: string): string[] {
  let depth = 0;
  let from = 0;
  const found: string[] = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '(') depth++;
    if (text[at] === ')') depth--;
    if (depth > 0 || !text.startsWith(' AND ', at)) continue;
    found.push(text.slice(from, at));
    from = at + ' AND '.length;
  }
  return [...found, text.slice(from)];
}

/** `state in ('a', 'b')` and `currency = 'CNY'` say which texts there are; other conditions say nothing here. */
function listedTexts(condition: string, column: string): string[] | undefined {
  const whole = /^\((\w+) = (?:ANY \(ARRAY\[(.+)\]\)|('[^']*'::text))\)$/.exec(condition);
  if (whole?.[1] !== column) return undefined;
  const list = whole[2] ?? whole[3];
  const texts = list?.split(', ').map((item) => /^'([\w.-]*)'::text$/.exec(item)?.[1]);
  return texts?.every((text) => text !== undefined) ? texts : undefined;
}

/** `api_keys` → `ApiKeysTable`. */
const typeName = (table: string): string => `${table.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())}Table`;
