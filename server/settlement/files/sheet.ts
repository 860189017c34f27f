import type { Fen } from '../../kernel/money.ts';
import { type Cell, type Column, yuanOf } from '../line.ts';

/**
 * The parts of an XLSX workbook (ECMA-376): a sheet with the totals and one with the lines, and another one for every
 * million lines beyond. Text stands in the cells as it is, never as a formula; amounts are numbers in yuan.
 */

/** A sheet has 1,048,576 rows; one is the head. */
export const lines_per_sheet_max = 1_048_575;

const xml = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const rels = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const packaged = 'http://schemas.openxmlformats.org/package/2006';
const worksheet = 'application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml';

/** Where the nth sheet of lines stands in the file, counted from 1. */
export const sheetPath = (nth: number): string => `xl/worksheets/sheet${nth}.xml`;
export const summary_path = 'xl/worksheets/summary.xml';

/** Everything but the sheets, once it is known how many of them there are. */
export function workbookParts(line_sheets: number): readonly (readonly [path: string, text: string])[] {
  const nths = Array.from({ length: line_sheets }, (_, at) => at + 1);
  const sheets = nths.map((nth) => `<sheet name="${nth === 1 ? '明细 Lines' : `明细 Lines ${nth}`}" sheetId="${nth + 1}" r:id="rId${nth + 1}"/>`);
  const types = nths.map((nth) => `<Override PartName="/${sheetPath(nth)}" ContentType="${worksheet}"/>`);
  const links = nths.map((nth) => `<Relationship Id="rId${nth + 1}" Type="${rels}/worksheet" Target="worksheets/sheet${nth}.xml"/>`);
  return [
    [
      '[Content_Types].xml',
      `${xml}<Types xmlns="${packaged}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/><Override PartName="/${summary_path}" ContentType="${worksheet}"/>${types.join('')}</Types>`,
    ],
    [
      '_rels/.rels',
      `${xml}<Relationships xmlns="${packaged}/relationships"><Relationship Id="rId1" Type="${rels}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    ],
    [
      'xl/workbook.xml',
      `${xml}<workbook xmlns="${main}" xmlns:r="${rels}"><sheets><sheet name="汇总 Summary" sheetId="1" r:id="rId1"/>${sheets.join('')}</sheets></workbook>`,
    ],
    [
      'xl/_rels/workbook.xml.rels',
      `${xml}<Relationships xmlns="${packaged}/relationships"><Relationship Id="rId1" Type="${rels}/worksheet" Target="worksheets/summary.xml"/>${links.join('')}<Relationship Id="rId${line_sheets + 2}" Type="${rels}/styles" Target="styles.xml"/></Relationships>`,
    ],
    [
      'xl/styles.xml',
      `${xml}<styleSheet xmlns="${main}"><numFmts count="1"><numFmt numFmtId="164" formatCode="#,##0.00"/></numFmts><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3"><xf/><xf numFmtId="164" applyNumberFormat="1"/><xf fontId="1" applyFont="1"/></cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>`,
    ],
  ];
}

const heading = 2;
const amount = 1;

/** A sheet up to its first row: the head stays in sight. */
export const sheetHead = (widths: readonly number[]): string =>
  `${xml}<worksheet xmlns="${main}"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><cols>${widths.map((width, at) => `<col min="${at + 1}" max="${at + 1}" width="${width}" customWidth="1"/>`).join('')}</cols><sheetData>`;
export const sheet_foot = '</sheetData></worksheet>';

export const linesHead = <L>(columns: readonly Column<L>[]): string =>
  sheetHead(columns.map(({ width }) => width)) + headRow(columns.map(({ zh, en }) => `${zh} ${en}`));
export const sheetLine = <L>(columns: readonly Column<L>[], line: L): string => sheetRow(columns.map(({ cell }) => cell(line)));

const headRow = (names: readonly string[]): string => `<row>${names.map((name) => textCell(name, heading)).join('')}</row>`;
const sheetRow = (cells: readonly Cell[]): string => `<row>${cells.map((cell) => ('fen' in cell ? amountCell(cell) : textCell(cell.text))).join('')}</row>`;
const amountCell = (cell: { readonly fen: Fen }): string => `<c s="${amount}"><v>${yuanOf(cell)}</v></c>`;
const textCell = (text: string, style = 0): string =>
  text === '' ? '<c/>' : `<c t="inlineStr"${style ? ` s="${style}"` : ''}><is><t xml:space="preserve">${escapeXml(text)}</t></is></c>`;

/** A table with a head, of text and amounts. */
export type SheetTable = { readonly head: readonly string[]; readonly rows: readonly (readonly Cell[])[] };

/** What stands in a file: columns of lines `L`, and before them in a workbook the tables that are made of the ending `E`. */
export type Layout<L, E> = {
  readonly columns: readonly Column<L>[];
  readonly summary: (ending: E) => readonly SheetTable[];
  /** Of the columns of the tables. */
  readonly widths: readonly number[];
};

/** The first sheet: tables below one another. */
export const summarySheet = (tables: readonly SheetTable[], widths: readonly number[]): string =>
  sheetHead(widths).replace(/<sheetViews>.*<\/sheetViews>/, '') +
  tables.map(({ head, rows }) => headRow(head) + rows.map(sheetRow).join('')).join('<row/>') +
  sheet_foot;

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
/** Characters that XML cannot hold are left out. */
const escapeXml = (text: string): string => text.replace(/[&<>"]/g, (character) => entities[character] as string).replace(not_xml, '');
const not_xml = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu;
