import { type KeyObject, sign } from 'node:crypto';
import iconv from 'iconv-lite';
import type { Charset } from '../form.ts';
import { signed_without, stringToSign } from '../sign.ts';

/** Bytes of a text in the message's charset: what is signed and what is sent are the same bytes. */
export const encodeText = (text: string, charset: Charset): Buffer => (charset === 'gbk' ? iconv.encode(text, 'gbk') : Buffer.from(text, 'utf8'));

export const signBytes = (bytes: Buffer, key: KeyObject): string => sign('sha256', bytes, key).toString('base64');

/** Adds `sign` and `sign_type` by rule V1, as notifications and return addresses carry them; empty values are left out. */
export function signParams(params: Readonly<Record<string, string>>, key: KeyObject, charset: Charset): Record<string, string> {
  const named = Object.fromEntries(Object.entries(params).filter(([, value]) => value !== ''));
  const text = stringToSign(Object.entries(named), signed_without.v1);
  return { ...named, sign_type: 'RSA2', sign: signBytes(encodeText(text, charset), key) };
}

/** A form as the gateway writes it: `+` for a space, upper-case escapes, over the bytes of the charset. */
export const encodeForm = (params: Readonly<Record<string, string>>, charset: Charset): string =>
  Object.entries(params)
    .map(([name, value]) => `${encodeURIComponent(name)}=${escapeBytes(encodeText(value, charset))}`)
    .join('&');

function escapeBytes(bytes: Buffer): string {
  let text = '';
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    if (/[A-Za-z0-9_.*-]/.test(character)) text += character;
    else text += character === ' ' ? '+' : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}

const html_escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => html_escapes[character] as string);
