import { createHash, verify } from 'node:crypto';
import { equalConstantTime } from '../../kernel/digest.ts';
import { type Fields, sortedFields } from '../flat-xml.ts';
import { publicKeyOf } from '../keys.ts';
import type { Config } from './config.ts';
import type { SignType } from './profiles.ts';

/** Signatures of the gateway. A single space is a value and is signed; nothing is trimmed or encoded. */

/** Upper-case MD5 over the sorted fields with the key at the end. */
export function md5Sign(fields: Fields, key: string): string {
  return createHash('md5')
    .update(`${sortedFields(fields)}&key=${key}`)
    .digest('hex')
    .toUpperCase();
}

export const digestOf = (sign_type: Exclude<SignType, 'MD5'>): 'sha256' | 'sha1' => (sign_type === 'RSA_1_1' ? 'sha1' : 'sha256');

/**
 * Is the message signed as the account signs? What the message itself says of its kind of signature is not asked: nobody
 * may choose a weaker one. Some banks answer in lower-case hex.
 */
export function isGenuine(fields: Fields, { sign_type, key, platform_public_key }: Config): boolean {
  const { sign } = fields;
  if (sign === undefined || sign === '') return false;
  if (sign_type === 'MD5') return key !== undefined && equalConstantTime(sign.toUpperCase(), md5Sign(fields, key.expose()));
  if (platform_public_key === undefined) return false;
  return verify(digestOf(sign_type), Buffer.from(sortedFields(fields)), publicKeyOf(platform_public_key), Buffer.from(sign, 'base64'));
}
