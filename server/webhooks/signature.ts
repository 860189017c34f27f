import { createHmac } from 'node:crypto';
import type { Rng } from '../kernel/rng.ts';

/** 256 bits; Standard Webhooks asks for 24 to 64 bytes. */
const secret_bytes = 32;

/** `whsec_…`, as every Standard Webhooks library takes it. */
export const newWebhookSecret = (rng: Rng): string => `whsec_${rng.bytes(secret_bytes).toString('base64')}`;

/**
 * The headers of a send (https://www.standardwebhooks.com). The id is the event's, equal in every send, so that a receiver
 * can ignore repeats; each secret gives one signature, so that during a rotation either is enough. The published library signs
 * in JavaScript, which was 4 % of a busy node (2026-11-22): it verifies what is signed here in the tests.
 */
export function signedHeaders(input: { event_id: string; body: string; now: Date; secrets: readonly string[] }): Record<string, string> {
  const { event_id, body, now, secrets } = input;
  const timestamp = String(Math.floor(now.getTime() / 1_000));
  const signed = `${event_id}.${timestamp}.${body}`;
  return {
    'webhook-id': event_id,
    'webhook-timestamp': timestamp,
    'webhook-signature': secrets.map((secret) => `v1,${createHmac('sha256', keyOf(secret)).update(signed).digest('base64')}`).join(' '),
  };
}

const keyOf = (secret: string): Buffer => Buffer.from(secret.slice('whsec_'.length), 'base64');
