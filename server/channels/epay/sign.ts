import { createHash, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../../kernel/secret.ts';
import { byBytes, type Fields } from '../flat-xml.ts';

/** MD5 over every parameter that has a value, in the order of their names, with the key right behind the last one. */
export const textToSign = (fields: Fields): string =>
  Object.keys(fields)
    .filter((name) => name !== 'sign' && name !== 'sign_type' && fields[name] !== '' && fields[name] !== undefined)
    .sort(byBytes)
    .map((name) => `${name}=${fields[name]}`)
    .join('&');

export const signFields = (fields: Fields, key: Secret): string =>
  createHash('md5')
    .update(textToSign(fields) + key.expose())
    .digest('hex');

export function isSigned(fields: Fields, key: Secret): boolean {
  const given = Buffer.from(fields.sign?.toLowerCase() ?? '');
  const expected = Buffer.from(signFields(fields, key));
  return given.length === expected.length && timingSafeEqual(given, expected);
}
