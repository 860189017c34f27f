import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { CompiledQuery } from 'kysely';
import pg from 'pg';
import { from } from 'pg-copy-streams';
import type { Secret } from '../../kernel/secret.ts';
import { connectionSettings } from './pool.ts';

/** A long transaction of few statements and many rows. */
export type Bulk = {
  readonly query: (query: CompiledQuery) => Promise<readonly object[]>;
  /** Writes rows with COPY: all of them or, when the source throws, none. */
  readonly copy: (input: CopyInput) => Promise<void>;
};
export type CopyInput = {
  readonly table: string;
  readonly columns: readonly string[];
  /** Lines as `copyLine` writes them. */
  readonly lines: AsyncIterable<string>;
};

/** How a node does so: in its own transaction, which ends with the work. */
export type RunBulk = <T>(work: (bulk: Bulk) => Promise<T>) => Promise<T>;

/** Works on a connection of its own, since the pool's are for statements of milliseconds. Commits when the work ends, and nothing is left of it when it throws. */
export async function inBulk<T>(database_url: Secret, work: (bulk: Bulk) => Promise<T>): Promise<T> {
  const client = new pg.Client({ ...connectionSettings(database_url), application_name: 'heliu-copy' });
  // One that is lost fails the copy; without a listener it would end the process.
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query('begin');
    const result = await work({
      query: async ({ sql, parameters }) => (await client.query<object>(sql, [...parameters])).rows,
      copy: ({ table, columns, lines }) => pipeline(Readable.from(lines), client.query(from(`copy ${table} (${columns.join(', ')}) from stdin`))),
    });
    await client.query('commit');
    return result;
  } finally {
    // A transaction that is not over ends with its connection.
    await client.end();
  }
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** One row in the text format of COPY. */
export function copyLine(values: readonly (string | number | bigint | Date | null)[]): string {
  const texts = values.map((value) => {
    if (value === null) return '\\N';
    if (value instanceof Date) return value.toISOString();
    return typeof value === 'string' ? value.replace(/[\\\n\r\t]/g, (character) => escapes[character] as string) : String(value);
  });
  return `${texts.join('\t')}\n`;
}
