import type { StatementFormat } from '@heliu/contract';
import { Zip, ZipDeflate } from 'fflate';
import { csvHead, csvLine } from './csv.ts';
import { type Layout, lines_per_sheet_max, linesHead, sheet_foot, sheetLine, sheetPath, summary_path, summarySheet, workbookParts } from './sheet.ts';

/** A file that grows line by line: what is written comes out at once, in pieces, and nothing is kept. */
export type FileWriter<L, E> = { readonly line: (line: L) => void; readonly end: (ending: E) => void };

type Out = (chunk: Uint8Array) => void;

export const writerOf = <L, E>(format: StatementFormat, layout: Layout<L, E>, out: Out): FileWriter<L, E> =>
  format === 'csv' ? csvWriter(layout, out) : xlsxWriter(layout, out);

function csvWriter<L, E>({ columns }: Layout<L, E>, out: Out): FileWriter<L, E> {
  out(Buffer.from(csvHead(columns)));
  return { line: (line) => out(Buffer.from(csvLine(columns, line))), end: () => {} };
}

/** Times inside the file say nothing and would make two equal files differ. */
const mtime = new Date('2000-01-01T00:00:00');
/** Text is given to the compressor in pieces: each call costs more than a line. */
const text_length_min = 64 * 1024;

function xlsxWriter<L, E>({ columns, summary, widths }: Layout<L, E>, out: Out): FileWriter<L, E> {
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
    text = linesHead(columns);
  };
  nextSheet();
  return {
    line: (line) => {
      if (lines_in_sheet >= lines_per_sheet_max) nextSheet();
      lines_in_sheet += 1;
      text += sheetLine(columns, line);
      if (text.length < text_length_min) return;
      sheet?.push(Buffer.from(text));
      text = '';
    },
    end: (ending) => {
      close();
      write(summary_path, summarySheet(summary(ending), widths));
      for (const [path, part] of workbookParts(sheets)) write(path, part);
      zip.end();
    },
  };
}
