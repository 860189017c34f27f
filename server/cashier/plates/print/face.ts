import type { PrintSize } from '@heliu/contract';
import { encode } from 'uqr';
import { type Drawing, drawLine, type Font, type Line, rectangle, type Shape, widthOf, wrap } from './drawing.ts';

/** What stands on one face of a plate. */
export type Face = {
  readonly url: string;
  readonly merchant_name: string;
  /** Undefined for stock that is bound to no store yet. */
  readonly store_name: string | undefined;
  /** `¥12.80`; undefined where the payer types the amount. */
  readonly amount: string | undefined;
  /** Names of the wallets as plain text: their marks belong to them. */
  readonly wallets: readonly string[];
  readonly serial: string;
  readonly livemode: boolean;
};

/** One face lies across: A6 is 148 × 105 mm, A5 210 × 148.5 mm. */
export const face_sizes: Readonly<Record<PrintSize, { readonly width_mm: number; readonly height_mm: number }>> = {
  a6: { width_mm: 148, height_mm: 105 },
  a5: { width_mm: 210, height_mm: 148.5 },
};

const ink = '#1a1a1a';
const grey = '#666666';
const brand = '#0b6e4f';
const warning = '#c62828';

const words = { scan: '扫码付款', scan_en: 'Scan to pay', amount: '金额', test: '测试码 TEST 不可收款' } as const;

/** Every character that a face draws, so that its glyphs can be loaded before. */
export const textOf = (face: Face): string =>
  [face.merchant_name, face.store_name ?? '', face.amount ?? '', ...face.wallets, face.serial, ...Object.values(words), ' ·…'].join('');

/** Draws a face. All lengths are shares of its height, so that both sizes look the same. */
export function drawFace(face: Face, size: PrintSize, font: Font): Drawing {
  const { width_mm, height_mm } = face_sizes[size];
  const unit = height_mm / 100;
  const margin = 7 * unit;
  const code_side = 74 * unit;
  const shapes: Shape[] = [rectangle(0, 0, width_mm, height_mm, '#ffffff'), rectangle(0, 0, width_mm, 3 * unit, brand)];
  shapes.push(...drawCode(face.url, margin, 10 * unit, code_side));
  const x = margin + code_side + 6 * unit;
  const width = width_mm - margin - x;
  let y = 17 * unit;
  const put = (line: Omit<Line, 'fill'>, fill: string, lines_max: number, leading: number): void => {
    for (const text of wrap(font, line, line.text, width, lines_max)) {
      shapes.push(...drawLine(font, { ...line, text, fill }, x, y));
      y += line.size_mm * leading;
    }
  };
  put({ text: words.scan, size_mm: 9 * unit, weight: 700 }, brand, 1, 0.75);
  put({ text: words.scan_en, size_mm: 4.4 * unit, weight: 400 }, grey, 1, 2.4);
  put({ text: face.merchant_name, size_mm: 6 * unit, weight: 700 }, ink, 3, 1.3);
  if (face.store_name !== undefined) put({ text: face.store_name, size_mm: 4.2 * unit, weight: 400 }, grey, 2, 1.4);
  if (face.amount !== undefined) {
    y += 6 * unit;
    put({ text: face.amount, size_mm: 9 * unit, weight: 700 }, ink, 1, 1.2);
  }
  const foot = height_mm - 5 * unit;
  const wallets = { text: face.wallets.join(' · '), size_mm: 4 * unit, weight: 400, fill: ink } as const;
  const [fitting = ''] = wrap(font, wallets, wallets.text, width_mm - 2 * margin - 30 * unit, 1);
  shapes.push(...drawLine(font, { ...wallets, text: fitting }, margin, foot));
  const serial = { text: face.serial, size_mm: 3 * unit, weight: 400, fill: grey } as const;
  shapes.push(...drawLine(font, serial, width_mm - margin - widthOf(font, serial), foot));
  if (!face.livemode) shapes.push(...drawLine(font, { text: words.test, size_mm: 4.2 * unit, weight: 700, fill: warning }, margin, height_mm - 10.5 * unit));
  return { width_mm, height_mm, shapes };
}

/** The QR code with its quiet zone of four modules, as one path. A quarter of it may be lost to scratches (level Q). */
function drawCode(url: string, x: number, y: number, side: number): Shape[] {
  const { data, size } = encode(url, { ecc: 'Q', border: 4 });
  const bars = data.flatMap((row, top) => barsOf(row).map(([from, to]) => `M${from} ${top}H${to}V${top + 1}H${from}Z`));
  const scale = side / size;
  return [{ path: bars.join(''), x, y, scale_x: scale, scale_y: scale, fill: '#000000' }];
}

/** Dark modules of a row that stand side by side are one bar: printers show hair lines between single ones. */
function barsOf(row: readonly boolean[]): [from: number, to: number][] {
  const bars: [number, number][] = [];
  for (const [at, dark] of row.entries()) {
    const last = bars.at(-1);
    if (!dark) continue;
    if (last && last[1] === at) last[1] = at + 1;
    else bars.push([at, at + 1]);
  }
  return bars;
}
