import type pg from 'pg';
import type { RunBulk } from '../platform/db/bulk.ts';

const escapes: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', '\\': '\\' };
const fieldOf = (text: string): string | null => (text === '\\N' ? null : text.replace(/\\([tnr\\])/g, (_, letter: string) => escapes[letter] as string));

/**
 * What `inBulk` does, on a connection of a world: each line of the COPY is a statement of its own, so that a node can die and a
 * connection break between any two of them.
 */
export const bulkOn =
  (pool: pg.Pool): RunBulk =>
  async (work) => {
    const client = await pool.connect();
    try {
      await client.query('begin');
      const result = await work({
        query: async ({ sql, parameters }) => (await client.query<object>(sql, [...parameters])).rows,
        copy: async ({ table, columns, lines }) => {
          const insert = `insert into ${table} (${columns.join(', ')}) values (${columns.map((_, at) => `$${at + 1}`).join(', ')})`;
          for await (const text of lines) for (const line of text.split('\n').slice(0, -1)) await client.query(insert, line.split('\t').map(fieldOf));
        },
      });
      await client.query('commit');
      return result;
    } finally {
      client.release();
    }
  };
