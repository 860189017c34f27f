import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import fc from 'fast-check';
import { sql } from 'kysely';
import { type TestCtx, testCtx } from '../../testing/ctx.ts';
import { column } from './column.ts';

let test: TestCtx;
before(async () => {
  test = await testCtx();
});
after(() => test.close());

const same = <T>(element: T) => element;
const texts = async (values: readonly (string | null)[]) =>
  (
    await sql<{ value: string | null }>`select value from unnest(${column(values, same)}::text[]) with ordinality as x (value, nth) order by nth`.execute(
      test.ctx.db.kysely,
    )
  ).rows.map(({ value }) => value);

it('brings every text back as it was, also those that mean something in an array', async () => {
  const odd = [
    '',
    'null',
    'NULL',
    'Null ',
    '{}',
    '{a,b}',
    '"',
    '\\',
    '\\"',
    ',',
    ' ',
    'a b',
    "o'clock",
    '支付',
    '\n\t',
    null,
    'pay_01JD',
    '2026-11-22T02:00:00.000Z',
    '-5',
    '+',
  ];
  assert.deepEqual(await texts(odd), odd);
  // PostgreSQL has no text with the character 0.
  const text = fc.string({ unit: 'binary' }).filter((each) => !each.includes('\0') && each.isWellFormed());
  const many = fc.sample(fc.option(text), { numRuns: 2_000, seed: 1 });
  assert.deepEqual(await texts(many), many);
});

it('brings back whole numbers, instants and truths exactly', async () => {
  const rows = [
    { fen: 9_007_199_254_740_993n, at: new Date('2026-11-22T02:00:00.123Z'), is: false },
    { fen: -1n, at: new Date('1970-01-01T00:00:00.000Z'), is: true },
  ];
  const { rows: found } =
    await sql`select fen, at, "is" from unnest(${column(rows, ({ fen }) => fen)}::bigint[], ${column(rows, ({ at }) => at)}::timestamptz[],
    ${column(rows, (row) => row.is)}::boolean[]) with ordinality as x (fen, at, "is", nth) order by nth`.execute(test.ctx.db.kysely);
  assert.deepEqual(found, rows);
});
