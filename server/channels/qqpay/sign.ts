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

/** What an app hands to QQ beside its signature; an empty value is signed like the others. */
export type AppOrder = Readonly<Record<'appId' | 'bargainorId' | 'nonce' | 'pubAcc' | 'tokenId', string>>;

/** Base64 of HMAC-SHA1 over the sorted fields, keyed with the application's key and `&`: neither the key nor the kind of messages. @see https://mp.qpay.tenpay.cn/buss/wiki/38/1196 */
export function signAppOrder({ appId, bargainorId, nonce, pubAcc, tokenId }: AppOrder, app_key: string): string {
  const text = `appId=${appId}&bargainorId=${bargainorId}&nonce=${nonce}&pubAcc=${pubAcc}&tokenId=${tokenId}`;
  return createHmac('sha1', `${app_key}&`).update(text).digest('base64');
}
