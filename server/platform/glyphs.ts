import { readFile } from 'node:fs/promises';
import type { Font } from 'fontkit';
import { glyphs_held_max } from '../kernel/limits.ts';

/**
 * Outlines of characters, for what is printed: a file of outlines looks the same at every printer and needs no font there.
 * The font is Noto Sans SC (SIL Open Font License 1.1), which npm brings in about a hundred files by ranges of characters.
 */
export type Glyph = {
  /** An SVG path in units of the font, y upwards. Empty for a blank. */
  readonly path: string;
  /** How far the next character stands, in units of the font. */
  readonly advance: number;
};
export type GlyphWeight = 400 | 700;
/** Glyphs by character. */
export type Glyphs = ReadonlyMap<string, Glyph>;

/** Units of the font in one em. */
export const units_per_em = 1000;

/** What stands for a character that the font does not have: an empty box. */
const missing: Glyph = { path: 'M100 0H900V800H100ZM160 60V740H840V60Z', advance: 1000 };

const held = new Map<string, Glyph>();
let ranges: Promise<readonly Range[]> | undefined;

/** The outlines of every character of a text in one weight. */
export async function loadGlyphs(text: string, weight: GlyphWeight): Promise<Glyphs> {
  const characters = [...new Set(text)];
  const wanted = characters.filter((character) => !held.has(`${weight}${character}`));
  if (wanted.length > 0) await read(wanted, weight);
  return new Map(characters.map((character) => [character, held.get(`${weight}${character}`) ?? missing]));
}

async function read(characters: readonly string[], weight: GlyphWeight): Promise<void> {
  ranges ??= readRanges();
  const known = await ranges;
  const by_file = Map.groupBy(characters, (character) => known.find((range) => contains(range, character))?.file);
  for (const [file, members] of by_file) {
    const font = file === undefined ? undefined : await readFont(file, members.join(''), weight);
    for (const character of members) keep(`${weight}${character}`, glyphOf(font, character));
  }
}

function keep(key: string, glyph: Glyph): void {
  if (held.size >= glyphs_held_max) held.delete(held.keys().next().value as string);
  held.set(key, glyph);
}

/** Subsetting also pins the weight of the variable font. */
async function readFont(file: string, text: string, weight: GlyphWeight): Promise<Font> {
  // Loaded when something is printed: a node that never prints starts without them.
  const [{ create }, { default: subsetFont }] = await Promise.all([import('fontkit'), import('subset-font')]);
  const whole = await readFile(new URL(import.meta.resolve(`@fontsource-variable/noto-sans-sc/files/${file}`)));
  return create(await subsetFont(whole, text, { targetFormat: 'sfnt', variationAxes: { wght: weight } })) as Font;
}

function glyphOf(font: Font | undefined, character: string): Glyph {
  const code_point = character.codePointAt(0) as number;
  if (!font?.hasGlyphForCodePoint(code_point)) return missing;
  const glyph = font.glyphForCodePoint(code_point);
  return { path: glyph.path.toSVG(), advance: glyph.advanceWidth };
}

/** One file of the font and the code points that it draws. */
type Range = { readonly file: string; readonly spans: readonly (readonly [from: number, to: number])[] };

const contains = ({ spans }: Range, character: string): boolean => {
  const code_point = character.codePointAt(0) as number;
  return spans.some(([from, to]) => code_point >= from && code_point <= to);
};

async function readRanges(): Promise<readonly Range[]> {
  const text = await readFile(new URL(import.meta.resolve('@fontsource-variable/noto-sans-sc/unicode.json')), 'utf8');
  return Object.entries(JSON.parse(text) as Record<string, string>).map(([name, spans]) => ({
    // The names are `[4]` for the numbered files and `latin` for the others.
    file: `noto-sans-sc-${name.replace(/[[\]]/g, '')}-wght-normal.woff2`,
    spans: spans.split(',').map((span) => {
      const [from = '', to = from] = span.replace('U+', '').split('-');
      return [Number.parseInt(from, 16), Number.parseInt(to, 16)] as const;
    }),
  }));
}
