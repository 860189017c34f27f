import { createHash, createHmac } from 'node:crypto';
import { equalConstantTime } from '../../kernel/digest.ts';
import type { Secret } from '../../kernel/secret.ts';
import { type Fields, sortedFields } from '../flat-xml.ts';

export type SignType = 'MD5' | 'HMAC-SHA256';

/** Upper-case hex over the sorted fields with the key at the end. @see https://mp.qpay.tenpay.cn/buss/wiki/38/1203 */
export function signFields(fields: Fields, key: string, sign_type: SignType): string {
  const hash = sign_type === 'MD5' ? createHash('md5') : createHmac('sha256', key);
  return hash
    .update(`${sortedFields(fields)}&key=${key}`)
    .digest('hex')
    .toUpperCase();
}

/** True when the message carries exactly the signature that the account's kind demands. */
export function isGenuine(fields: Fields, key: Secret, sign_type: SignType): boolean {
  const { sign } = fields;
  return sign !== undefined && sign !== '' && equalConstantTime(sign, signFields(fields, key.expose(), sign_type));
}
