import { type Glyphs, type GlyphWeight, units_per_em } from '../../../platform/glyphs.ts';

/** Shapes on a surface in millimetres, from which every kind of file is written. */
export type Shape = {
  /** SVG path data; only M, L, H, V, Q, C and Z. */
  readonly path: string;
  /** Where the path's origin lies, in mm. */
  readonly x: number;
  readonly y: number;
  /** Millimetres per unit of the path. A glyph's y points upwards, so its `scale_y` is negative. */
  readonly scale_x: number;
  readonly scale_y: number;
  /** `#rrggbb` */
  readonly fill: string;
};
export type Drawing = { readonly width_mm: number; readonly height_mm: number; readonly shapes: readonly Shape[] };

export const rectangle = (x: number, y: number, width: number, height: number, fill: string): Shape => ({
  path: `M0 0H${width}V${height}H0Z`,
  x,
  y,
  scale_x: 1,
  scale_y: 1,
  fill,
});

/** Glyphs of both weights that the texts of a drawing need. */
export type Font = Readonly<Record<GlyphWeight, Glyphs>>;

export type Line = { readonly text: string; readonly size_mm: number; readonly weight: GlyphWeight; readonly fill: string };

/** How wide a line is, in mm. */
export function widthOf(font: Font, { text, size_mm, weight }: Pick<Line, 'text' | 'size_mm' | 'weight'>): number {
  let units = 0;
  for (const character of text) units += font[weight].get(character)?.advance ?? units_per_em;
  return (units * size_mm) / units_per_em;
}

/** The glyphs of a line whose first character stands at x, on the baseline y. */
export function drawLine(font: Font, line: Line, x: number, y: number): Shape[] {
  const scale = line.size_mm / units_per_em;
  let at = x;
  const shapes: Shape[] = [];
  for (const character of line.text) {
    const glyph = font[line.weight].get(character);
    if (glyph?.path) shapes.push({ path: glyph.path, x: at, y, scale_x: scale, scale_y: -scale, fill: line.fill });
    at += (glyph?.advance ?? units_per_em) * scale;
  }
  return shapes;
}

/** Breaks a text into lines that fit; what does not fit into the last one is cut with an ellipsis. */
export function wrap(font: Font, style: Omit<Line, 'text' | 'fill'>, text: string, width_mm: number, lines_max: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const character of text) {
    if (widthOf(font, { ...style, text: line + character }) <= width_mm) {
      line += character;
      continue;
    }
    if (lines.length === lines_max - 1) return [...lines, cut(font, style, line, width_mm)];
    const at = breakBefore(line, character);
    lines.push(line.slice(0, at).trimEnd());
    line = (line.slice(at) + character).trimStart();
  }
  return line === '' ? lines : [...lines, line];
}

/** Where a full line ends: words of Latin letters stay whole, and what closes something does not begin a line. */
function breakBefore(line: string, next: string): number {
  const space = line.lastIndexOf(' ');
  if (/[A-Za-z0-9]/.test(next) && space > 0) return space + 1;
  return closing.test(next) && line.length > 1 ? line.length - ((line.codePointAt(line.length - 2) as number) > 0xffff ? 2 : 1) : line.length;
}
const closing = /[）」』》】，。、；：！？)\]},.;:!?…]/;

function cut(font: Font, style: Omit<Line, 'text' | 'fill'>, line: string, width_mm: number): string {
  const characters = [...line];
  while (characters.length > 0 && widthOf(font, { ...style, text: `${characters.join('')}…` }) > width_mm) characters.pop();
  return `${characters.join('')}…`;
}
