import { sql } from 'kysely';
import type { Ctx } from '../platform/ctx.ts';

/** A text that may be known to nobody but its owner. */
export type Canary = { readonly name: string; readonly value: string | Buffer };
export type Find = { readonly canary: string; readonly form: string; readonly where: string };

/** Shorter ones would be found by chance, or are no secrets. */
const length_min = 8;

/** A canary in the forms in which a careless program would show it. */
function formsOf({ name, value }: Canary): readonly (readonly [canary: string, form: string, bytes: Buffer])[] {
  return piecesOf(value)
    .map((piece) => Buffer.from(piece))
    .filter((piece) => piece.length >= length_min)
    .flatMap((piece) => {
      const forms = {
        clear: piece,
        base64: piece.toString('base64').replace(/=+$/, ''),
        base64url: piece.toString('base64url'),
        hex: piece.toString('hex'),
        escaped: encodeURIComponent(piece.toString('utf8')),
      };
      return Object.entries(forms).map(([form, text]) => [name, form, Buffer.from(text)] as const);
    });
}

/** A key in PEM may be stored or printed with other line ends, or as bytes: one line of it gives it away. */
function piecesOf(value: string | Buffer): readonly (string | Buffer)[] {
  if (typeof value !== 'string') return [value];
  if (!value.includes('\n')) return value.length > 200 ? [value.slice(100, 164), Buffer.from(value.slice(100, 164), 'base64')] : [value];
  const lines = value.split('\n').filter((line) => line.length >= 40 && !line.startsWith('-----'));
  return [...lines, ...lines.map((line) => Buffer.from(line, 'base64'))];
}

/** Looks for canaries in whatever it is given. */
export function createScanner(canaries: readonly Canary[]) {
  const forms = canaries.flatMap(formsOf);
  const scan = (where: string, bytes: Buffer): Find[] =>
    forms.filter(([, , needle]) => bytes.includes(needle)).map(([canary, form]) => ({ canary, form, where }));
  return {
    forms_count: forms.length,
    scanText: (where: string, text: string): Find[] => scan(where, Buffer.from(text)),
    /** Every column of every table: as text, and binary columns byte by byte too. */
    scanDatabase: async (ctx: Ctx): Promise<{ readonly finds: Find[]; readonly rows: number; readonly tables: readonly string[] }> => {
      const { rows: columns } = await sql<{ schema: string; table: string; column: string; type: string }>`
        select c.table_schema as schema, c.table_name as table, c.column_name as column, c.data_type as type
        from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
        where c.table_schema not in ('pg_catalog', 'information_schema') and t.table_type = 'BASE TABLE'`.execute(ctx.db.kysely);
      const finds: Find[] = [];
      let rows = 0;
      for (const { schema, table, column, type } of columns) {
        const name = sql.table(`${schema}.${table}`);
        const value = type === 'bytea' ? sql<Buffer | null>`${sql.ref(column)}` : sql<string | null>`${sql.ref(column)}::text`;
        const found = await sql<{ value: Buffer | string | null }>`select ${value} as value from ${name}`.execute(ctx.db.kysely);
        rows += found.rows.length;
        for (const row of found.rows) if (row.value !== null) finds.push(...scan(`${table}.${column}`, Buffer.from(row.value as string)));
      }
      return { finds, rows, tables: [...new Set(columns.map(({ table }) => table))].sort() };
    },
  };
}
