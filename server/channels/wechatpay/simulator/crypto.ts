import { createCipheriv, createHash, createHmac, sign, verify } from 'node:crypto';
import { currentPlatformKey } from './merchants.ts';
import type { Merchant, SignType, World } from './world.ts';

/** The gateway's side of every signature and encryption, written apart from the adapter's so that no mistake is shared. */

type SigningKey = { readonly id: string; readonly pem: string };

/** The key that signs for a merchant: its public key pair, or the platform certificate. */
export function signingKeyOf(world: World, merchant: Merchant): SigningKey {
  if (merchant.public_key) return { id: merchant.public_key.id, pem: merchant.public_key.private_pem };
  const key = currentPlatformKey(world);
  if (!key) throw new Error('the gateway has no signing key');
  return { id: key.serial_no, pem: key.private_pem };
}

export type Signature = 'good' | 'bad' | 'none' | 'probe';

/** Headers that sign a body, in the case that WeChat sends them: some SDKs look them up case-sensitively. */
export function signatureHeaders(world: World, merchant: Merchant, body: string, how: Signature): Record<string, string> {
  if (how === 'none') return {};
  const key = signingKeyOf(world, merchant);
  const timestamp = String(Math.floor(world.now_ms() / 1000));
  const nonce = world.hex(32);
  const good = sign('sha256', Buffer.from(`${timestamp}\n${nonce}\n${how === 'bad' ? `${body} ` : body}\n`), world.privateKey(key.pem)).toString('base64');
  return {
    'Wechatpay-Nonce': nonce,
    'Wechatpay-Signature': how === 'probe' ? `WECHATPAY/SIGNTEST/${good.slice('WECHATPAY/SIGNTEST/'.length)}` : good,
    'Wechatpay-Timestamp': timestamp,
    'Wechatpay-Serial': key.id,
    'Wechatpay-Signature-Type': 'WECHATPAY2-SHA256-RSA2048',
  };
}

export const verifyRequest = (world: World, merchant: Merchant, message: string, signature: string): boolean =>
  verify('sha256', Buffer.from(message), world.publicKey(merchant.certificate_pem), Buffer.from(signature, 'base64'));

/** AEAD_AES_256_GCM with the merchant's APIv3 key. */
export function encryptResource(world: World, merchant: Merchant, plain: string, associated_data: string) {
  const nonce = world.hex(12);
  const cipher = createCipheriv('aes-256-gcm', merchant.apiv3_key, nonce);
  cipher.setAAD(Buffer.from(associated_data));
  const ciphertext = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64');
  return { algorithm: 'AEAD_AES_256_GCM', ciphertext, associated_data, nonce };
}

/** The signature of an APIv2 message. */
export function signV2(fields: ReadonlyMap<string, string>, key: string, type: SignType): string {
  const pairs = [...fields].filter(([name, value]) => name !== 'sign' && value !== '');
  pairs.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const text = `${pairs.map(([name, value]) => `${name}=${value}`).join('&')}&key=${key}`;
  const digest = type === 'MD5' ? createHash('md5').update(text) : createHmac('sha256', key).update(text);
  return digest.digest('hex').toUpperCase();
}

/** `req_info` of an APIv2 refund notification: the key is the MD5 of the APIv2 key, in lower-case hex. */
export const encryptReqInfo = (plain: string, apiv2_key: string): string => encryptEcb(plain, createHash('md5').update(apiv2_key).digest('hex'));

export function encryptEcb(plain: string, key: string): string {
  const cipher = createCipheriv('aes-256-ecb', key, null);
  return Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]).toString('base64');
}
