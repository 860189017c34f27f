import { encode } from 'uqr';

/** The longest text of any wallet's code is 1024 characters. */
const text_max = 1500;

export type Qr = { readonly side: number; readonly path: string };

/** A QR code as one path of a drawing, runs of dark squares at a time, with the quiet zone that scanners need. */
export function qrOf(text: string): Qr | undefined {
  if (text.length > text_max) return undefined;
  const { data, size } = encode(text, { ecc: 'M', border: 2 });
  const rows = data.map((row, y) => {
    let drawn = '';
    for (let x = 0; x < size; x++) {
      if (!row[x]) continue;
      let end = x;
      while (end < size && row[end]) end++;
      drawn += `M${x} ${y}h${end - x}v1H${x}z`;
      x = end;
    }
    return drawn;
  });
  return { side: size, path: rows.join('') };
}
