import { type KeyObject, sign, verify } from 'node:crypto';
import iconv from 'iconv-lite';
import { byBytes, type Fields } from '../flat-xml.ts';

/** MD5withRSA over GBK: every field takes part, empty ones too, but `sign` and what begins with `reserved`. */
export const textToSign = (fields: Fields): string =>
  Object.keys(fields)
    .filter((name) => name !== 'sign' && !name.startsWith('reserved'))
    .sort(byBytes)
    .map((name) => `${name}=${fields[name]}`)
    .join('&');

export const toGbk = (text: string): Buffer => iconv.encode(text, 'gbk');

export const signFields = (fields: Fields, key: KeyObject): string => sign('RSA-MD5', toGbk(textToSign(fields)), key).toString('base64');

/** Signatures of the gateway have white space in them now and then. */
export function isSigned(fields: Fields, key: KeyObject): boolean {
  const given = (fields.sign ?? '').replace(/\s/g, '');
  return given !== '' && verify('RSA-MD5', toGbk(textToSign(fields)), key, Buffer.from(given, 'base64'));
}

/** Bytes as percent signs and hex, where they are no letters or digits. */
export const percentGbk = (text: string): string =>
  [...toGbk(text)].map((byte) => (isPlain(byte) ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)).join('');

const isPlain = (byte: number): boolean => /[0-9A-Za-z*._-]/.test(String.fromCharCode(byte));

/** Undoes `percentGbk`; a plus is a space. */
export function fromPercentGbk(text: string): string {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at++) {
    const hex = text[at] === '%' ? /^[0-9A-Fa-f]{2}/.exec(text.slice(at + 1, at + 3))?.[0] : undefined;
    if (hex === undefined) bytes.push(text[at] === '+' ? 0x20 : text.charCodeAt(at) & 0xff);
    else bytes.push(Number.parseInt(hex, 16));
    if (hex !== undefined) at += 2;
  }
  return iconv.decode(Buffer.from(bytes), 'gbk');
}
