import { type Kysely, sql } from 'kysely';
import type { Tables } from '../platform/db/tables.gen.ts';

/** A row of one table names a row of another. */
export type Link = {
  readonly child: string;
  readonly child_columns: readonly string[];
  readonly parent: string;
  readonly parent_columns: readonly string[];
};

/** What the database itself says of its tables, so that a new table is looked at without anyone having to think of it. */
export type Catalogue = {
  readonly foreign_keys: readonly Link[];
  /** Columns of ciphertext, with what names a row of their table. */
  readonly sealed: readonly { readonly table: string; readonly column: string; readonly key: readonly string[] }[];
  /** The columns of each table's primary key. */
  readonly keys: ReadonlyMap<string, readonly string[]>;
};

export async function readCatalogue(db: Kysely<Tables>): Promise<Catalogue> {
  const { rows: foreign_keys } = await sql<Link>`
    select c.conrelid::regclass::text as child, c.confrelid::regclass::text as parent,
      (select array_agg(a.attname::text order by k.nth) from unnest(c.conkey) with ordinality as k(num, nth)
        join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.num) as child_columns,
      (select array_agg(a.attname::text order by k.nth) from unnest(c.confkey) with ordinality as k(num, nth)
        join pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.num) as parent_columns
    from pg_constraint c where c.contype = 'f' and c.connamespace = current_schema()::regnamespace order by 1, c.conname`.execute(db);
  const { rows: keys } = await sql<{ table: string; columns: string[] }>`
    select c.conrelid::regclass::text as table,
      (select array_agg(a.attname::text order by k.nth) from unnest(c.conkey) with ordinality as k(num, nth)
        join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.num) as columns
    from pg_constraint c where c.contype = 'p' and c.connamespace = current_schema()::regnamespace`.execute(db);
  const { rows: sealed } = await sql<{ table: string; column: string }>`
    select a.attrelid::regclass::text as table, a.attname::text as column
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped and a.attname ~ '(^|_)sealed$'
    order by 1, 2`.execute(db);
  const by_table = new Map(keys.map(({ table, columns }) => [table, columns]));
  return { foreign_keys, keys: by_table, sealed: sealed.map((each) => ({ ...each, key: by_table.get(each.table) ?? [] })) };
}
