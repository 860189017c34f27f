import { createHash, createHmac } from 'node:crypto';
import { equalConstantTime } from '../../kernel/digest.ts';
import type { Secret } from '../../kernel/secret.ts';
import { type Fields, sortedFields } from '../flat-xml.ts';

/** Signatures of APIv2, whose messages are flat XML. @see https://pay.weixin.qq.com/doc/v2/merchant/4011985891 */

export type SignType = 'MD5' | 'HMAC-SHA256';

/** The signature of a message with the APIv2 key, in upper-case hex. */
export function signFields(fields: Fields, apiv2_key: Secret, type: SignType): string {
  const key = apiv2_key.expose();
  const text = `${sortedFields(fields)}&key=${key}`;
  const hash = type === 'MD5' ? createHash('md5') : createHmac('sha256', key);
  return hash.update(text).digest('hex').toUpperCase();
}

/** True when the message carries exactly the signature it must; a message without one is never genuine. */
export function isGenuine(fields: Fields, apiv2_key: Secret, type: SignType): boolean {
  const { sign } = fields;
  return sign !== undefined && sign !== '' && equalConstantTime(sign, signFields(fields, apiv2_key, type));
}
