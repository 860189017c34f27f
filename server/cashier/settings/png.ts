import { crc32 } from 'node:zlib';

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** The chunks that draw; whatever else a file carries (texts, profiles, scripts of other formats) is left behind. */
const drawing = ['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND'];
const side_px_max = 512;

/**
 * Rebuilds a PNG from the chunks that draw, each checked by its sum. Undefined when it is no PNG, is larger than a logo
 * may be, or has anything behind its end.
 */
export function rebuildPng(bytes: Buffer): Buffer | undefined {
  if (!bytes.subarray(0, 8).equals(signature)) return undefined;
  const kept: Buffer[] = [signature];
  let at = 8;
  let data = 0;
  for (let chunk = 0; at + 12 <= bytes.length; chunk++) {
    const length = bytes.readUInt32BE(at);
    const end = at + 12 + length;
    const type = bytes.toString('latin1', at + 4, at + 8);
    if (end > bytes.length || (chunk === 0) !== (type === 'IHDR')) return undefined;
    if (crc32(bytes.subarray(at + 4, end - 4)) !== bytes.readUInt32BE(end - 4)) return undefined;
    if (type === 'IHDR' && !isSmall(bytes.subarray(at + 8, end - 4))) return undefined;
    // A critical chunk (upper-case first letter) that is not known would change what is drawn.
    if (!drawing.includes(type) && /^[A-Z]/.test(type)) return undefined;
    if (drawing.includes(type)) kept.push(bytes.subarray(at, end));
    if (type === 'IDAT') data += length;
    if (type === 'IEND') return end === bytes.length && data > 0 ? Buffer.concat(kept) : undefined;
    at = end;
  }
  return undefined;
}

function isSmall(header: Buffer): boolean {
  if (header.length !== 13) return false;
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  return width >= 1 && width <= side_px_max && height >= 1 && height <= side_px_max;
}
