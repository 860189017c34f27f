import { type Fen, parseYuan } from '../kernel/money.ts';
import { parseShanghai } from '../kernel/time.ts';
import { type BillLine, type BillParser, BillProblem, type BillTotals, type Columns, parseMillifen, readColumns } from './bill.ts';

/** A bill as WeChat Pay writes it, and gateways after its manner: a heading, lines whose values stand behind back quotes, a summary of one line. */
export type QuotedBill = {
  /** The columns that must be there, any one name of a group. */
  readonly required: readonly (readonly string[])[];
  /** The same of the summary; its first column tells it from a line. */
  readonly summary: readonly [readonly string[], ...(readonly (readonly string[])[])];
  readonly takeRow: (row: Row) => BillLine;
  /** Holds what was taken against what the file says of itself. Throws `BillProblem`. */
  readonly checkSummary: (row: Row) => void;
  readonly totals: () => BillTotals;
};

/** Values by the names of their columns. */
export type Row = { readonly columns: Columns; readonly values: readonly string[]; readonly line: number };

export function quotedBillParser({ required, summary: of_summary, takeRow, checkSummary, totals }: QuotedBill): BillParser {
  let columns: Columns | undefined;
  let summary: Columns | undefined;
  let summed = false;
  return {
    take(raw, line) {
      if (summed) {
        if (raw.trim() === '') return undefined;
        throw new BillProblem('something follows the summary', line);
      }
      if (!columns) {
        columns = readColumns(raw.split(','), required, line);
        return undefined;
      }
      if (raw.startsWith('`')) {
        if (!summary) return takeRow(rowOf(columns, raw, line));
        checkSummary(rowOf(summary, raw, line));
        summed = true;
        return undefined;
      }
      const names = raw.split(',');
      if (summary || !of_summary[0].includes(names[0]?.trim() ?? '')) throw new BillProblem('neither a line nor the summary', line);
      summary = readColumns(names, of_summary, line);
      return undefined;
    },
    end() {
      if (!summed) throw new BillProblem('the file ends before its summary');
      return totals();
    },
  };
}

/** The first back quote dropped, then split where a comma stands before another one: a text may hold commas. */
function rowOf(columns: Columns, raw: string, line: number): Row {
  const values = raw.slice(1).split(',`');
  if (values.length !== columns.count) throw new BillProblem(`${values.length} values under ${columns.count} columns`, line);
  return { columns, values, line };
}

/** The value under the first of these names that the file has: names changed over the years. */
export function optionalIn({ columns, values }: Row, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const at = columns.at(name);
    if (at !== undefined) return (values[at] as string).trim();
  }
  return undefined;
}

export function textIn(row: Row, ...names: readonly string[]): string {
  const value = optionalIn(row, ...names);
  if (value === undefined) throw new BillProblem(`${names[0]} is missing`, row.line);
  return value;
}

/** What a word of the channel means; a word that is not in its list refuses the bill, whatever it is. */
export function meaningIn<Meaning>(row: Row, name: string, meanings: Readonly<Record<string, Meaning>>): Meaning {
  const word = textIn(row, name);
  if (!Object.hasOwn(meanings, word)) throw new BillProblem(`${name} is not a state that is known`, row.line);
  return meanings[word] as Meaning;
}

export function yuanIn(row: Row, ...names: readonly string[]): Fen {
  const amount = parseYuan(textIn(row, ...names));
  if (amount === undefined) throw new BillProblem(`${names[0]} is not an amount`, row.line);
  return amount;
}

export function millifenIn(row: Row, name: string): bigint {
  const value = parseMillifen(textIn(row, name));
  if (value === undefined) throw new BillProblem(`${name} is not an amount`, row.line);
  return value;
}

export function instantIn(row: Row, ...names: readonly string[]): Date {
  const at = parseShanghai(textIn(row, ...names));
  if (!at) throw new BillProblem(`${names[0]} is not a time`, row.line);
  return at;
}

/** `0` stands for a number that there is not. */
export const numberOf = (value: string | undefined): string | null => (value === undefined || value === '' || value === '0' ? null : value);
