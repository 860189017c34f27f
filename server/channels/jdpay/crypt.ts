import { constants, createCipheriv, createDecipheriv, createHash, type KeyObject, privateEncrypt, publicDecrypt } from 'node:crypto';
import { equalConstantTime, sha256Hex } from '../../kernel/digest.ts';
import { type Fields, sortedFields } from '../flat-xml.ts';

/**
 * JD's own ways: a signature is the hex SHA-256 of a text, encrypted with the private key as it stands (no DigestInfo, so no
 * standard RSA signature), and messages are 3DES without a chain, after their length and zeros.
 */

const padding = constants.RSA_PKCS1_PADDING;

export const signText = (text: string, key: KeyObject): string => privateEncrypt({ key, padding }, Buffer.from(sha256Hex(text))).toString('base64');

export function isSigned(text: string, sign: string, key: KeyObject): boolean {
  try {
    return equalConstantTime(publicDecrypt({ key, padding }, Buffer.from(sign, 'base64')).toString('latin1'), sha256Hex(text));
  } catch {
    return false;
  }
}

const block_bytes = 8;

/** Lower-case hex of a text: its length in four bytes, the text, zeros to the end of the last block. */
export function encryptHex(text: string, des_key: Buffer): string {
  const bytes = Buffer.from(text);
  const plain = Buffer.alloc(Math.ceil((4 + bytes.length) / block_bytes) * block_bytes);
  plain.writeUInt32BE(bytes.length);
  bytes.copy(plain, 4);
  const cipher = createCipheriv('des-ede3', des_key, null).setAutoPadding(false);
  return Buffer.concat([cipher.update(plain), cipher.final()]).toString('hex');
}

/** Throws unless length and zeros are what they must be. */
export function decryptHex(hex: string, des_key: Buffer): string {
  if (!/^(?:[0-9a-f]{16})+$/i.test(hex)) throw new Error('the message is not whole blocks of hex');
  const decipher = createDecipheriv('des-ede3', des_key, null).setAutoPadding(false);
  const plain = Buffer.concat([decipher.update(Buffer.from(hex, 'hex')), decipher.final()]);
  const length = plain.readUInt32BE();
  const rest = plain.subarray(4 + length);
  if (4 + length > plain.length || rest.length >= block_bytes || rest.some((byte) => byte !== 0)) throw new Error('the message has another length');
  return plain.subarray(4, 4 + length).toString('utf8');
}

/** XML messages travel as Base64 of that hex. */
export const encryptMessage = (text: string, des_key: Buffer): string => Buffer.from(encryptHex(text, des_key)).toString('base64');
export const decryptMessage = (text: string, des_key: Buffer): string => decryptHex(Buffer.from(text, 'base64').toString('latin1'), des_key);

/** What the sign of a form covers: plain values, sorted by name. */
export const formText = (fields: Fields): string => sortedFields(fields);

/** Fields of a form that travel as they are. */
export const plain_fields: readonly string[] = ['version', 'merchant', 'sign'];

/** What an app hands to JD's own beside the order: MD5 in lower-case hex. */
export const appSign = ({ merchant, orderId }: Readonly<Record<'merchant' | 'orderId', string>>, md5_key: string): string =>
  createHash('md5').update(`merchant=${merchant}&orderId=${orderId}&key=${md5_key}`).digest('hex');
