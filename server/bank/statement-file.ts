import { CsvError, parse } from 'csv-parse/sync';
import { bank_file_bytes_max, bank_file_rows_max } from '../kernel/limits.ts';
import { type Fen, parseYuan } from '../kernel/money.ts';

/** A credit as a file says it, with its line. */
export type FileCredit = {
  readonly line: number;
  readonly reference: string;
  readonly received_on: string;
  readonly amount_fen: Fen;
  readonly payer: string | null;
};

/** Which rows are taken: those of a payer, those with a text such as the number that the channel gave the merchant. */
export type Only = { readonly payer?: string | undefined; readonly containing?: string | undefined };

/** Why a file is refused, all of it. */
export class StatementProblem extends Error {
  override readonly name = 'StatementProblem';
}

/** Columns by the names that banks give them; the first that is there counts. */
const names = {
  received_on: ['date', '入账日期', '交易日期', '记账日期', '交易时间'],
  amount: ['amount', '入账金额', '贷方金额', '贷方发生额', '收入金额', '收入'],
  reference: ['reference', '流水号', '交易流水号', '核心流水号', '交易流水'],
  payer: ['payer', '对方户名', '付款方', '付款人', '对方名称'],
} as const;

/**
 * Reads the credits of a bank statement: CSV with a heading, UTF-8 or GB18030, any order of columns, others than ours left
 * aside. A row without an amount is a debit and is passed over, and so are, with `payer`, what others paid and, with `containing`,
 * rows of which no cell has that text. Anything else that cannot be read refuses the whole file.
 */
export function readStatement(bytes: Buffer, { payer: only, containing }: Only = {}): readonly FileCredit[] {
  if (bytes.length > bank_file_bytes_max) throw new StatementProblem(`more than ${bank_file_bytes_max} bytes`);
  const rows = rowsOf(textOf(bytes));
  if (rows.length > bank_file_rows_max + 1) throw new StatementProblem(`more than ${bank_file_rows_max} rows`);
  const [heading, ...body] = rows;
  if (!heading) throw new StatementProblem('the file is empty');
  const columns = columnsOf(heading.record);
  if (only !== undefined && columns.payer === undefined) throw new StatementProblem(`line 1: there is no column ${names.payer.join(', ')}`);
  const credits = body.flatMap(({ record, line }): FileCredit[] => {
    const cell = (at: number | undefined) => (at === undefined ? '' : (record[at] ?? '').replace(/^[\s`']+|\s+$/g, ''));
    const payer = cell(columns.payer);
    const amount = withoutThousands(cell(columns.amount));
    if (amount === '' || /^-?0*(\.0*)?$/.test(amount) || (only !== undefined && !payer.includes(only))) return [];
    if (containing !== undefined && !record.some((each) => each.includes(containing))) return [];
    const amount_fen = /^\d{1,13}(\.\d{1,2})?$/.test(amount) ? parseYuan(amount) : undefined;
    if (amount_fen === undefined || amount_fen <= 0n) throw new StatementProblem(`line ${line}: ${heading.record[columns.amount]} is not an amount in yuan`);
    const received_on = dayIn(cell(columns.received_on));
    if (received_on === undefined) throw new StatementProblem(`line ${line}: ${heading.record[columns.received_on]} is not a day`);
    const reference = cell(columns.reference);
    if (!/^[\p{L}\p{N} _./:#-]{1,64}$/u.test(reference))
      throw new StatementProblem(`line ${line}: ${heading.record[columns.reference]} is not a number of the bank`);
    return [{ line, reference, received_on, amount_fen, payer: payer.replace(/[^\p{L}\p{N} ()（）*·.-]/gu, '').slice(0, 100) || null }];
  });
  const lines = new Map<string, number>();
  for (const { reference, line } of credits) {
    const other = lines.get(reference);
    if (other !== undefined) throw new StatementProblem(`line ${line}: line ${other} has the same number of the bank`);
    lines.set(reference, line);
  }
  return credits;
}

/** Commas are marks of thousands only where they stand for them: elsewhere one may be a decimal comma, and stays to be refused. */
const withoutThousands = (amount: string): string => (/^-?\d{1,3}(,\d{3})+(\.\d*)?$/.test(amount) ? amount.replaceAll(',', '') : amount);

/** UTF-8 where the bytes are that, GB18030 otherwise: banks write either. */
function textOf(bytes: Buffer): string {
  for (const encoding of ['utf-8', 'gb18030']) {
    try {
      return new TextDecoder(encoding, { fatal: true }).decode(bytes);
    } catch {}
  }
  throw new StatementProblem('the file is neither UTF-8 nor GB18030');
}

type Row = { readonly record: readonly string[]; readonly line: number };

function rowsOf(text: string): readonly Row[] {
  try {
    const rows = parse(text, { bom: true, info: true, skip_empty_lines: true, max_record_size: 16_384 }) as unknown as readonly {
      readonly record: readonly string[];
      readonly info: { readonly lines: number };
    }[];
    return rows.map(({ record, info }) => ({ record, line: info.lines }));
  } catch (error) {
    if (error instanceof CsvError) throw new StatementProblem(error.message.slice(0, 160));
    throw error;
  }
}

function columnsOf(heading: readonly string[]): { received_on: number; amount: number; reference: number; payer: number | undefined } {
  const index = heading.map((name) => name.trim().replace(/[（(]元[）)]$/, ''));
  const find = (of: readonly string[]): number | undefined => {
    const name = of.find((each) => index.includes(each));
    if (name !== undefined && index.indexOf(name) !== index.lastIndexOf(name)) throw new StatementProblem(`line 1: the column ${name} stands there twice`);
    return name === undefined ? undefined : index.indexOf(name);
  };
  const required = (of: readonly string[]): number => {
    const at = find(of);
    if (at === undefined) throw new StatementProblem(`line 1: there is no column ${of.join(', ')}`);
    return at;
  };
  return { received_on: required(names.received_on), amount: required(names.amount), reference: required(names.reference), payer: find(names.payer) };
}

/** `2026-11-21`, `2026/11/21`, `20261121`, with a time behind it or not. */
function dayIn(text: string): string | undefined {
  const match = /^(20\d{2})([-/.]?)(\d{1,2})\2(\d{1,2})(?:[ T]|$)/.exec(/^\d{8}(\d{6})?$/.test(text) ? text.slice(0, 8) : text);
  if (!match) return undefined;
  const [, year, , month = '', date = ''] = match;
  const day = `${year}-${month.padStart(2, '0')}-${date.padStart(2, '0')}`;
  const at = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(day) ? day : undefined;
}
