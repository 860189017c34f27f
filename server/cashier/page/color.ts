/** The house's own colour, where the merchant chose none. */
export const color_default = '#0b6b53';

/**
 * Black or white, whichever reads better on the colour: the better of the two always has a contrast of more than 4.5 to 1,
 * which is what WCAG 2.2 asks of small text.
 * @see https://www.w3.org/TR/WCAG22/#dfn-relative-luminance
 */
export const textOn = (color: string): '#000000' | '#ffffff' => (luminance(color) > luminance_even ? '#000000' : '#ffffff');

/** Where black and white are equally far away: (l + 0.05)² = 1.05 × 0.05. */
const luminance_even = Math.sqrt(1.05 * 0.05) - 0.05;

/** Between 0 (black) and 1 (white), of `#rrggbb`. */
export function luminance(color: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => linear(Number.parseInt(color.slice(at, at + 2), 16) / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

const linear = (part: number): number => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);

/** The colour as text on the page's own ground, light or dark: mixed with black or white until it can be read. */
export function readable(color: string, on: 'light' | 'dark'): string {
  const ground = on === 'light' ? 1 : 0.012;
  for (let step = 0; step <= 20; step++) {
    const mixed = mix(color, on === 'light' ? '#000000' : '#ffffff', step / 20);
    const [low, high] = [ground, luminance(mixed)].toSorted((a, b) => a - b) as [number, number];
    if ((high + 0.05) / (low + 0.05) >= 4.6) return mixed;
  }
  return on === 'light' ? '#000000' : '#ffffff';
}

function mix(a: string, b: string, part: number): string {
  const channels = [1, 3, 5].map((at) => {
    const [x, y] = [a, b].map((color) => Number.parseInt(color.slice(at, at + 2), 16)) as [number, number];
    return Math.round(x + (y - x) * part)
      .toString(16)
      .padStart(2, '0');
  });
  return `#${channels.join('')}`;
}
