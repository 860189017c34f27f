import { type Cell, type Column, yuanOf } from '../line.ts';

/**
 * CSV as spreadsheets in China open it: UTF-8 with a mark, lines that end in CR LF (RFC 4180). Text that a spreadsheet would
 * run as a formula gets an apostrophe before it; a long number gets a tab behind it, so that it is not shown as 4.2E+27.
 */
export const csvHead = <L>(columns: readonly Column<L>[]): string => `\ufeff${columns.map(({ zh, en }) => `${zh} ${en}`).join(',')}\r\n`;

export const csvLine = <L>(columns: readonly Column<L>[], line: L): string => `${columns.map(({ cell }) => csvCell(cell(line))).join(',')}\r\n`;

export const csvCell = (cell: Cell): string => ('fen' in cell ? yuanOf(cell) : csvText(cell.text));

/** What begins a formula in one spreadsheet or another, in half and full width, also behind blanks. */
const formula = /^[\s\u3000]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^\s/u;
const long_number = /^\d{12,}$/;

function csvText(text: string): string {
  const safe = formula.test(text) ? `'${text}` : long_number.test(text) ? `${text}\t` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
