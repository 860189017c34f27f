import { Webhook } from 'standardwebhooks';
import { equalConstantTime } from '../kernel/digest.ts';
import { signature_window_s } from '../kernel/limits.ts';

/** What a receiver finds when it checks a webhook; only `valid` may be acted on. */
export type WebhookCheck = 'valid' | 'header_missing' | 'timestamp_outside_window' | 'signature_wrong' | 'secret_unknown';

export type ReceivedWebhook = { readonly headers: Readonly<Record<string, string | undefined>>; readonly body: string };

/** Checks a webhook as Standard Webhooks asks (https://www.standardwebhooks.com): all three headers, the time, and any one signature. */
export function checkWebhook(webhook: ReceivedWebhook, secret: string | undefined, now: Date): WebhookCheck {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = webhook.headers;
  if (!id || !timestamp || !signatures) return 'header_missing';
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(Number(timestamp) - now.getTime() / 1000) > signature_window_s) return 'timestamp_outside_window';
  if (secret === undefined) return 'secret_unknown';
  const expected = new Webhook(secret).sign(id, new Date(Number(timestamp) * 1000), webhook.body);
  return signatures.split(' ').some((signature) => equalConstantTime(signature, expected)) ? 'valid' : 'signature_wrong';
}
