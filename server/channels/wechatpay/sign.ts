import { createDecipheriv, type KeyObject, verify } from 'node:crypto';
import { signature_window_s } from '../../kernel/limits.ts';
import type { Secret } from '../../kernel/secret.ts';
import type { Trust, Verdict } from '../define.ts';

/** APIv3 signatures and encryption. @see https://pay.weixin.qq.com/doc/v3/merchant/4012365342 */

export const auth_scheme = 'WECHATPAY2-SHA256-RSA2048';

type RequestToSign = { readonly method: string; readonly target: string; readonly timestamp: string; readonly nonce: string; readonly body: string };

/** Five lines, each ending in LF. The target is the path and raw query exactly as sent. */
export function requestMessage({ method, target, timestamp, nonce, body }: RequestToSign): string {
  return lines(method, target, timestamp, nonce, body);
}

type Signer = { readonly mchid: string; readonly serial_no: string };

/** The Authorization header for a signature over `requestMessage`. */
export function authorization(signer: Signer, request: Pick<RequestToSign, 'timestamp' | 'nonce'>, signature: string): string {
  const { mchid, serial_no } = signer;
  return `${auth_scheme} mchid="${mchid}",nonce_str="${request.nonce}",timestamp="${request.timestamp}",serial_no="${serial_no}",signature="${signature}"`;
}

/** What a front end's paySign covers: `prepay` is `prepay_id=wx…` in pages and mini-programs and the bare id in apps. */
export function payMessage(appid: string, timestamp: string, nonce: string, prepay: string): string {
  return lines(appid, timestamp, nonce, prepay);
}

const lines = (...parts: string[]): string => parts.map((part) => `${part}\n`).join('');

export type Headers = Readonly<Record<string, string>>;

/** True when the message carries a signature at all; error answers to rejected requests do not. */
export const isSigned = (headers: Headers): boolean => headers['wechatpay-signature'] !== undefined;

/** Finds the gateway's key for a serial number or public key id. */
export type FindKey = (serial: string) => KeyObject | undefined;

/**
 * Verifies an answer or notification over its raw bytes. A probe (`WECHATPAY/SIGNTEST/…`) fails like any other wrong
 * signature, as it must. @see https://pay.weixin.qq.com/doc/v3/merchant/4012365333
 */
export function verifyMessage(headers: Headers, body: Buffer, now: Date, findKey: FindKey): Verdict {
  const timestamp = headers['wechatpay-timestamp'];
  const nonce = headers['wechatpay-nonce'];
  const serial = headers['wechatpay-serial'];
  const signature = headers['wechatpay-signature'];
  if (timestamp === undefined || nonce === undefined || serial === undefined || signature === undefined) return 'invalid';
  if ((headers['wechatpay-signature-type'] ?? auth_scheme) !== auth_scheme) return 'invalid';
  if (!isFresh(timestamp, now)) return 'invalid';
  const key = findKey(serial);
  if (!key) return isPublicKeyId(serial) ? 'invalid' : { unknown_key: serial };
  const message = Buffer.concat([Buffer.from(`${timestamp}\n${nonce}\n`), body, Buffer.from('\n')]);
  return verify('sha256', message, key, Buffer.from(signature, 'base64')) ? 'valid' : 'invalid';
}

function isFresh(timestamp: string, now: Date): boolean {
  if (!/^\d{1,12}$/.test(timestamp)) return false;
  return Math.abs(now.getTime() / 1000 - Number(timestamp)) < signature_window_s;
}

/** A public key is configured, never fetched; anything else is the serial number of a platform certificate. */
const isPublicKeyId = (serial: string): boolean => serial.startsWith('PUB_KEY_ID_');

/** Keys of the configuration and fetched ones: while a merchant migrates, both kinds sign. */
export function keyFinder(configured: { readonly id: string; readonly key: KeyObject } | undefined, trust: Trust): FindKey {
  return (serial) => (configured?.id === serial ? configured.key : trust.get(serial));
}

export type Resource = { readonly algorithm: string; readonly ciphertext: string; readonly nonce: string; readonly associated_data?: string };

const tag_bytes = 16;

/** Decrypts a notification's content or a certificate (AEAD_AES_256_GCM). Throws when the tag does not fit. */
export function decrypt(apiv3_key: Secret, { algorithm, ciphertext, nonce, associated_data = '' }: Resource): string {
  if (algorithm !== 'AEAD_AES_256_GCM') throw new Error('the resource is encrypted in another way');
  const sealed = Buffer.from(ciphertext, 'base64');
  if (sealed.length < tag_bytes || nonce.length === 0) throw new Error('the resource is too short to be encrypted');
  const decipher = createDecipheriv('aes-256-gcm', Buffer.from(apiv3_key.expose()), Buffer.from(nonce), { authTagLength: tag_bytes });
  decipher.setAAD(Buffer.from(associated_data));
  decipher.setAuthTag(sealed.subarray(-tag_bytes));
  return Buffer.concat([decipher.update(sealed.subarray(0, -tag_bytes)), decipher.final()]).toString('utf8');
}
