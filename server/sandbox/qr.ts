import { renderSVG } from 'uqr';

/** The longest text of any wallet's code is 1024 characters; a QR code holds about twice that. */
const text_max = 1500;

/** A QR code as an SVG image, with the quiet zone that scanners need; undefined when the text is too long to scan. */
export function qrSvg(text: string): string | undefined {
  return text.length > text_max ? undefined : renderSVG(text, { ecc: 'M', border: 4, pixelSize: 8 });
}
