import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import type { Dice } from './dice.ts';

/**
 * Request signatures as a merchant's own program makes them: HTTP Message Signatures with Ed25519, written from
 * docs/guides/request-signing.md without a line of the product.
 */
export type SigningKey = {
  readonly private_key: KeyObject;
  /** SPKI, base64. */
  readonly public_key: string;
};

/** PKCS #8 of an Ed25519 key is this and its 32 bytes. */
const pkcs8_before = Buffer.from('302e020100300506032b657004220420', 'hex');

export function newSigningKey(dice: Dice): SigningKey {
  const private_key = createPrivateKey({ key: Buffer.concat([pkcs8_before, dice.bytes(32)]), format: 'der', type: 'pkcs8' });
  return { private_key, public_key: createPublicKey(private_key).export({ format: 'der', type: 'spki' }).toString('base64') };
}

type Signable = {
  readonly method: string;
  readonly url: string;
  readonly body: string | undefined;
  readonly idempotency_key: string | undefined;
  readonly created_s: number;
  readonly nonce: string;
};

/** The headers that prove the request. */
export function signatureOf(key: SigningKey, keyid: string, request: Signable): Readonly<Record<string, string>> {
  const { method, url, body = '', idempotency_key, created_s, nonce } = request;
  const digest = `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
  const covered: [string, string][] = [
    ['@method', method],
    ['@target-uri', url],
    ['content-digest', digest],
  ];
  if (idempotency_key !== undefined) covered.push(['idempotency-key', idempotency_key]);
  const parameters = `(${covered.map(([name]) => `"${name}"`).join(' ')});created=${created_s};nonce="${nonce}";keyid="${keyid}";alg="ed25519"`;
  const base = [...covered, ['@signature-params', parameters]].map(([name, value]) => `"${name}": ${value}`).join('\n');
  const signature = sign(null, Buffer.from(base), key.private_key).toString('base64');
  return { 'content-digest': digest, 'signature-input': `own=${parameters}`, signature: `own=:${signature}:` };
}
