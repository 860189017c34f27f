import { createHash } from 'node:crypto';
import { sm2 } from 'sm-crypto-v2';

/** A message's fields, values as text; biz_content is JSON in a text. */
export type Fields = Readonly<Record<string, string>>;

/** The user identity that goes into every SM2 signature of the bank. */
const user_id = '1234567812345678';

/** `name=value` of every field but the signature in the order of ASCII, empty values included, joined with `&`. */
export function stringToSign(fields: Fields): string {
  return Object.keys(fields)
    .filter((name) => name !== 'sign')
    .sort()
    .map((name) => `${name}=${fields[name]}`)
    .join('&');
}

/** SM2 with SM3, ASN.1 DER in Base64. The private key is 64 hex characters. */
export function signFields(fields: Fields, private_key: string): string {
  const hex = sm2.doSignature(stringToSign(fields), private_key, { der: true, hash: true, userId: user_id });
  return Buffer.from(hex, 'hex').toString('base64');
}

/** False for anything that is not a signature of these fields by this key. */
export function isSignedBy(fields: Fields, public_point: string): boolean {
  const { sign } = fields;
  if (sign === undefined || !/^[A-Za-z0-9+/]{16,}={0,2}$/.test(sign)) return false;
  const der = Buffer.from(sign, 'base64');
  if (!isTwoIntegers(der)) return false;
  try {
    return sm2.doVerifySignature(stringToSign(fields), der.toString('hex'), public_point, { der: true, hash: true, userId: user_id });
  } catch {
    // The library throws on bytes that are no signature at all.
    return false;
  }
}

/** DER of a sequence of two positive integers, to the byte. The library takes much that only resembles it. */
const isTwoIntegers = (der: Buffer): boolean =>
  der.length < 0x80 && der[0] === 0x30 && der[1] === der.length - 2 && integerEnd(der, integerEnd(der, 2) ?? der.length) === der.length;

/** Where the positive integer ends that begins there; undefined when there is none, or one that could be written shorter. */
function integerEnd(der: Buffer, at: number): number | undefined {
  const [tag, length = 0, first = 0x80, second = 0] = der.subarray(at);
  const is_one = tag === 0x02 && length > 0 && first < 0x80 && (first > 0 || length === 1 || second >= 0x80);
  return is_one ? at + 2 + length : undefined;
}

/** DER of a public key on the curve 1.2.156.10197.1.301, up to its point. */
const spki_head = Buffer.from('3059301306072a8648ce3d020106082a811ccf5501822d034200', 'hex');

/** The uncompressed point, hex, of a public key in Base64 of its SPKI. Undefined when it is no SM2 key. */
export function pointOf(public_key: string): string | undefined {
  const der = Buffer.from(public_key, 'base64');
  const point = der.subarray(spki_head.length).toString('hex');
  const is_sm2 = der.subarray(0, spki_head.length).equals(spki_head) && /^04[0-9a-f]{128}$/.test(point);
  return is_sm2 && sm2.verifyPublicKey(point) ? point : undefined;
}

/** The bank's form of a public key, from the private one. */
export const publicKeyOf = (private_key: string): string =>
  Buffer.concat([spki_head, Buffer.from(sm2.getPublicKeyFromPrivateKey(private_key), 'hex')]).toString('base64');

/** The header `apisign`: MD5 over application, secret, signature of the body and time. */
export function apiSign({ appid, secret, sign, timestamp }: Readonly<Record<'appid' | 'secret' | 'sign' | 'timestamp', string>>): string {
  return createHash('md5').update(`appid=${appid}&secret=${secret}&sign=${sign}&timestamp=${timestamp}`).digest('hex');
}
