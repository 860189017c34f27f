import { createHmac, type KeyObject, sign } from 'node:crypto';
import { equalConstantTime, sha256 } from '../../kernel/digest.ts';
import { signature_window_s } from '../../kernel/limits.ts';
import type { Secret } from '../../kernel/secret.ts';
import type { InboundMessage } from '../define.ts';

export type ToSign = {
  readonly method: string;
  readonly url: string;
  readonly body: string | undefined;
  readonly key_id: string;
  readonly key: KeyObject;
  readonly created_s: number;
  readonly nonce: string;
};

/**
 * Proves a request: its method, its whole URL and every byte of its body, with Ed25519.
 * @see https://www.rfc-editor.org/rfc/rfc9421
 */
export function signRequest({ method, url, body, key_id, key, created_s, nonce }: ToSign): Readonly<Record<string, string>> {
  const digest = body === undefined ? undefined : `sha-256=:${sha256(body).toString('base64')}:`;
  const components = [['@method', method], ['@target-uri', url], ...(digest === undefined ? [] : [['content-digest', digest]])];
  const params = `(${components.map(([name]) => `"${name}"`).join(' ')});created=${created_s};nonce="${nonce}";keyid="${key_id}";alg="ed25519"`;
  const base = [...components, ['@signature-params', params]].map(([name, value]) => `"${name}": ${value}`).join('\n');
  const signature = sign(null, Buffer.from(base), key).toString('base64');
  return { ...(digest === undefined ? {} : { 'content-digest': digest }), 'signature-input': `heliu=${params}`, signature: `heliu=:${signature}:` };
}

/** More than any sender gives: two while a secret is rotated. */
const signatures_max = 16;

/** A webhook of the endpoint whose secret this is, sent within the window around now. @see https://www.standardwebhooks.com */
export function isWebhook({ headers, body }: InboundMessage, secret: Secret, now: Date): boolean {
  const { 'webhook-id': id = '', 'webhook-timestamp': timestamp = '', 'webhook-signature': signatures = '' } = headers;
  if (id === '' || !/^\d{1,12}$/.test(timestamp)) return false;
  if (Math.abs(now.getTime() / 1000 - Number(timestamp)) > signature_window_s) return false;
  const key = Buffer.from(secret.expose().slice('whsec_'.length), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64');
  return signatures
    .split(' ')
    .slice(0, signatures_max)
    .some((signature) => equalConstantTime(signature, `v1,${expected}`));
}
