import { fromBase64, toBase64, utf8 } from './bytes.ts';
import { WebhookVerificationError } from './errors.ts';
import { defaultRuntime } from './runtime.ts';
import type { Event } from './types.gen.ts';

/** Webhooks as Standard Webhooks describes them (https://www.standardwebhooks.com). No API key is needed here. */
export const webhooks = { verify, signTestEvent, newTestSecret };

/** Headers as a runtime gives them: `Headers`, or Node's plain object. */
export type WebhookHeaders = { get(name: string): string | null } | { readonly [name: string]: string | readonly string[] | undefined };

export type VerifyOptions = {
  /** How far the sender's clock may be from ours; 300 unless given. */
  readonly toleranceS?: number;
  /** The time to compare with, in milliseconds since 1970; now unless given. */
  readonly nowMs?: number;
};

/** More than any sender gives: two while a secret is rotated. */
const signatures_max = 16;

/**
 * Checks that a webhook is Heliu's and was not changed, and returns its event. Throws `WebhookVerificationError` otherwise.
 *
 * `rawBody` is the body exactly as it came, before any JSON parser: a body that was parsed and written again is another one.
 * `secret` is the endpoint's `whsec_…`; give both while you rotate it. An event may come more than once: remember `event.id`.
 */
async function verify(rawBody: Uint8Array | string, headers: WebhookHeaders, secret: string | readonly string[], options: VerifyOptions = {}): Promise<Event> {
  if (typeof rawBody !== 'string' && !(rawBody instanceof Uint8Array)) throw new TypeError('rawBody must be the bytes as they came, not a parsed object');
  const id = header(headers, 'webhook-id');
  const timestamp = header(headers, 'webhook-timestamp');
  const signatures = header(headers, 'webhook-signature');
  checkTime(timestamp, options.toleranceS ?? 300, options.nowMs ?? defaultRuntime.now());
  const signed = signedContent(id, timestamp, rawBody);
  const keys = await Promise.all((typeof secret === 'string' ? [secret] : secret).map(importSecret));
  if (!(await anyMatches(keys, signaturesOf(signatures), signed))) {
    throw new WebhookVerificationError('signature_mismatch', 'no signature matches: wrong secret, or the body is not the raw one');
  }
  return readEvent(rawBody);
}

/** Signs an event as Heliu would, to test a receiver with. Send `body` unchanged. */
async function signTestEvent(event: Event, secret: string, options: { readonly nowMs?: number } = {}): Promise<SignedEvent> {
  const body = JSON.stringify(event);
  const timestamp = String(Math.floor((options.nowMs ?? defaultRuntime.now()) / 1000));
  const signature = new Uint8Array(await crypto.subtle.sign('HMAC', await importSecret(secret), signedContent(event.id, timestamp, body)));
  return {
    body,
    headers: { 'content-type': 'application/json', 'webhook-id': event.id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${toBase64(signature)}` },
  };
}

export type SignedEvent = {
  readonly body: string;
  readonly headers: Record<'content-type' | 'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>;
};

/** A fresh `whsec_…` for `signTestEvent`. */
function newTestSecret(): string {
  return `whsec_${toBase64(defaultRuntime.randomBytes(24))}`;
}

function header(headers: WebhookHeaders, name: string): string {
  const value = typeof headers.get === 'function' ? headers.get(name) : (headers as Record<string, unknown>)[name];
  if (typeof value !== 'string' || value === '') throw new WebhookVerificationError('header_missing', `the header ${name} is missing or was sent twice`);
  return value;
}

function checkTime(timestamp: string, tolerance_s: number, now_ms: number): void {
  if (!/^\d{1,12}$/.test(timestamp)) throw new WebhookVerificationError('header_invalid', 'webhook-timestamp is not a number of seconds');
  const age_s = Math.floor(now_ms / 1000) - Number(timestamp);
  if (age_s > tolerance_s) throw new WebhookVerificationError('timestamp_too_old', 'the webhook was signed too long ago');
  if (age_s < -tolerance_s) throw new WebhookVerificationError('timestamp_too_new', 'the webhook was signed in the future: check the clock');
}

function signedContent(id: string, timestamp: string, body: Uint8Array | string): Uint8Array<ArrayBuffer> {
  const head = utf8(`${id}.${timestamp}.`);
  const tail = typeof body === 'string' ? utf8(body) : body;
  const content = new Uint8Array(head.length + tail.length);
  content.set(head);
  content.set(tail, head.length);
  return content;
}

function importSecret(secret: string) {
  const bytes = fromBase64(secret.replace(/^whsec_/, ''));
  if (!bytes || bytes.length === 0) throw new TypeError('a webhook secret has the form whsec_ and base64');
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']);
}

/** `v1,<base64>` separated by spaces; other versions are for other readers. */
function signaturesOf(text: string): Uint8Array<ArrayBuffer>[] {
  const found: Uint8Array<ArrayBuffer>[] = [];
  for (const part of text.split(' ').slice(0, signatures_max)) {
    const bytes = part.startsWith('v1,') ? fromBase64(part.slice(3)) : undefined;
    if (bytes) found.push(bytes);
  }
  return found;
}

/** WebCrypto compares in constant time. */
async function anyMatches(
  keys: readonly Awaited<ReturnType<typeof importSecret>>[],
  signatures: readonly Uint8Array<ArrayBuffer>[],
  signed: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const pairs = keys.flatMap((key) => signatures.map((signature) => crypto.subtle.verify('HMAC', key, signature, signed)));
  return (await Promise.all(pairs)).includes(true);
}

function readEvent(rawBody: Uint8Array | string): Event {
  try {
    const event: unknown = JSON.parse(typeof rawBody === 'string' ? rawBody : new TextDecoder('utf-8', { fatal: true }).decode(rawBody));
    if (typeof event === 'object' && event !== null && 'object' in event && event.object === 'event') return event as Event;
  } catch {
    // Told below: the signature was right, so this is no attack but a sender that speaks otherwise.
  }
  throw new WebhookVerificationError('body_unreadable', 'the signed body is not an event of Heliu');
}
