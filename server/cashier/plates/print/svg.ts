import type { Drawing } from './drawing.ts';

const short = (value: number): string => String(Number(value.toFixed(5)));

/** A drawing as an SVG image of its real size. Nothing in it but paths: no text, no script, no reference. */
export function writeSvg({ width_mm, height_mm, shapes }: Drawing): string {
  const paths = shapes.map(
    ({ path, x, y, scale_x, scale_y, fill }) =>
      `<path transform="translate(${short(x)} ${short(y)}) scale(${short(scale_x)} ${short(scale_y)})" fill="${fill}" d="${path}"/>`,
  );
  const size = `width="${width_mm}mm" height="${height_mm}mm" viewBox="0 0 ${width_mm} ${height_mm}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size}>\n${paths.join('\n')}\n</svg>\n`;
}
