import { formatYuan, toFen } from '@heliu/server/kernel/money.ts';

/** A line of a table or a record: names and plain values. */
export type Row = Readonly<Record<string, unknown>>;

/** Lines under their headings, columns aligned as a terminal shows them. */
export function table(rows: readonly Row[]): string {
  const [first] = rows;
  if (!first) return '';
  const names = Object.keys(first);
  const cells = [names, ...rows.map((row) => names.map((name) => cell(row[name])))];
  const widths = names.map((_, column) => Math.max(...cells.map((line) => widthOf(line[column] ?? ''))));
  return cells
    .map(
      (line) =>
        `${line
          .map((text, column) => pad(text, widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

/** One thing, a line for each of its fields. */
export function record(row: Row): string {
  const entries = Object.entries(row).filter(([, value]) => value !== undefined);
  const width = Math.max(...entries.map(([name]) => widthOf(name)));
  return entries.map(([name, value]) => `${pad(name, width)}  ${cell(value)}\n`).join('');
}

/** `12.34`, the way people read an amount. */
export const yuan = (amount_fen: number): string => formatYuan(toFen(amount_fen));

function cell(value: unknown): string {
  if (value === null || value === undefined || value === '') return '-';
  if (value instanceof Date) return value.toISOString();
  return printable(typeof value === 'object' ? JSON.stringify(value) : String(value));
}

/** Text of others could hold sequences that a terminal obeys: what is not text is shown as a dot. */
export const printable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '·');

const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)));

/** Columns that a text takes: Chinese characters and full-width forms take two. */
function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += /[\p{Script=Han}\u3000-\u303F\uFF00-\uFFEF]/u.test(character) ? 2 : 1;
  return width;
}
