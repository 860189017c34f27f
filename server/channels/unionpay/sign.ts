import { createHash, type KeyObject, verify } from 'node:crypto';
import { equalConstantTime } from '../../kernel/digest.ts';

/** `01`: RSA with certificates. `11` and `12`: a secure key that both sides hold, with SHA-256 or SM3. */
export type SignMethod = '01' | '11' | '12';

/** A message's fields, values as text and never encoded. */
export type Fields = ReadonlyMap<string, string>;

/**
 * `name=value` of every field that has a value but the signature, in the order of ASCII, joined with `&`. What the gateway adds
 * is signed too, so the fields are those that were received, never a list of ours.
 * @see https://open.unionpay.com 《平台接入接口规范-第1部分-基础接口规范》 signature
 */
export function stringToSign(fields: Fields): string {
  return [...fields]
    .filter(([name, value]) => name !== 'signature' && value !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** What is signed with RSA: the digest in lower-case hex, which the signature itself digests once more. */
export const messageToSign = (fields: Fields): string => createHash('sha256').update(stringToSign(fields)).digest('hex');

/** Node's types do not list SM3, which its OpenSSL has. */
const hash_names: Readonly<Record<'11' | '12', string>> = { 11: 'sha256', 12: 'sm3' };

/** The signature of methods 11 and 12. */
export function signWithSecureKey(fields: Fields, secure_key: string, sign_method: '11' | '12'): string {
  const hex = (text: string) => createHash(hash_names[sign_method]).update(text).digest('hex');
  return hex(`${stringToSign(fields)}&${hex(secure_key)}`);
}

export function isSignedWithSecureKey(fields: Fields, secure_key: string, sign_method: '11' | '12'): boolean {
  return equalConstantTime(signWithSecureKey(fields, secure_key, sign_method), fields.get('signature') ?? '');
}

/** False for anything that is not a signature of these fields by this key. */
export function isSignedBy(fields: Fields, key: KeyObject): boolean {
  const signature = fields.get('signature') ?? '';
  if (!/^[A-Za-z0-9+/]{16,}={0,2}$/.test(signature)) return false;
  return verify('sha256', Buffer.from(messageToSign(fields)), key, Buffer.from(signature, 'base64'));
}
