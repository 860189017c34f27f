import type { StatementFormat, StatementTotals } from '@heliu/contract';
import { Zip, ZipDeflate } from 'fflate';
import { type Fen, toFen } from '../../kernel/money.ts';
import type { Cell, Line } from '../line.ts';
import { csv_head, csvLine } from './csv.ts';
import { lines_per_sheet_max, linesHead, type SheetTable, sheet_foot, sheetLine, sheetPath, summary_path, summarySheet, workbookParts } from './sheet.ts';

/** What a file ends with. */
export type Ending = { readonly from: string; readonly through: string; readonly totals: StatementTotals };

/** A file that grows line by line: what is written comes out at once, in pieces, and nothing is kept. */
export type FileWriter = { readonly line: (line: Line) => void; readonly end: (ending: Ending) => void };

export const writerOf = (format: StatementFormat, out: (chunk: Uint8Array) => void): FileWriter => (format === 'csv' ? csvWriter(out) : xlsxWriter(out));

function csvWriter(out: (chunk: Uint8Array) => void): FileWriter {
  out(Buffer.from(csv_head));
  return { line: (line) => out(Buffer.from(csvLine(line))), end: () => {} };
}

/** Times inside the file say nothing and would make two equal files differ. */
const mtime = new Date('2000-01-01T00:00:00');
/** Text is given to the compressor in pieces: each call costs more than a line. */
const text_length_min = 64 * 1024;

function xlsxWriter(out: (chunk: Uint8Array) => void): FileWriter {
  const zip = new Zip((error, chunk) => {
    if (error) throw error;
    out(chunk);
  });
  const open = (path: string): ZipDeflate => {
    const file = new ZipDeflate(path, { level: 1 });
    file.mtime = mtime;
    zip.add(file);
    return file;
  };
  const write = (path: string, text: string): void => open(path).push(Buffer.from(text), true);
  let sheets = 0;
  let lines_in_sheet = lines_per_sheet_max;
  let sheet: ZipDeflate | undefined;
  let text = '';
  const close = (): void => {
    sheet?.push(Buffer.from(text + sheet_foot), true);
    text = '';
  };
  const nextSheet = (): void => {
    close();
    sheets += 1;
    lines_in_sheet = 0;
    sheet = open(sheetPath(sheets));
    text = linesHead();
  };
  nextSheet();
  return {
    line: (line) => {
      if (lines_in_sheet >= lines_per_sheet_max) nextSheet();
      lines_in_sheet += 1;
      text += sheetLine(line);
      if (text.length < text_length_min) return;
      sheet?.push(Buffer.from(text));
      text = '';
    },
    end: (ending) => {
      close();
      write(summary_path, summarySheet(summaryOf(ending)));
      for (const [path, part] of workbookParts(sheets)) write(path, part);
      zip.end();
    },
  };
}

/** The tables of the first sheet. */
function summaryOf({ from, through, totals }: Ending): SheetTable[] {
  const text = (value: string): Cell => ({ text: value });
  const fen = (value: number): Cell => ({ fen: toFen(value) as Fen });
  const sums = (of: Omit<StatementTotals, 'by_method' | 'arrivals'>): Cell[] => [
    text(String(of.payments)),
    fen(of.gross_fen),
    text(String(of.refunds)),
    fen(of.refunded_fen),
    fen(of.fee_fen),
    fen(of.net_fen),
  ];
  const heads = ['收款笔数 payments', '收款 gross', '退款笔数 refunds', '退款 refunded', '手续费 fee', '净额 net'];
  return [
    { head: ['结算单 Statement', '起 from', '止 through', ...heads], rows: [[text('合计 Total'), text(from), text(through), ...sums(totals)]] },
    {
      head: ['渠道 channel', '支付方式 method', '渠道账户 channel account', ...heads],
      rows: totals.by_method.map((group) => [text(group.channel), text(group.method), text(group.channel_account_id), ...sums(group)]),
    },
    {
      head: ['记账日 day', '预计到账 expected on', '渠道账户 channel account', '净额 net', '已确认 confirmed'],
      rows: totals.arrivals.map((arrival) => [
        text(arrival.biz_date),
        text(arrival.expected_on),
        text(arrival.channel_account_id),
        fen(arrival.net_fen),
        text(arrival.confirmed ? '是 yes' : '否 no'),
      ]),
    },
  ];
}
