import type { Account, InboundMessage, Notification, NotificationFact } from '../define.ts';
import type { Config } from './config.ts';
import { isWebhook } from './sign.ts';
import { factOf, readPayment, readRefund } from './views.ts';
import { type Fields, isFields, textIn } from './wire.ts';

/**
 * Webhooks of the other installation, signed with the secret of the endpoint that was made there for this account. They tell
 * of the merchant's events; the numbers come from the signed body. Any 2xx takes one, anything else has it sent again.
 */
export const notification: Notification<Config> = {
  verify: (message, { config }, _trust, env) => (config.webhook_secret && isWebhook(message, config.webhook_secret, env.now) ? 'valid' : 'invalid'),
  read: readEvent,
  reply: {
    ok: { status: 200, content_type: 'text/plain; charset=utf-8', body: 'ok' },
    failed: { status: 400, content_type: 'text/plain; charset=utf-8', body: 'failed' },
  },
};

function readEvent({ body }: InboundMessage, account: Account<Config>): NotificationFact {
  const event: unknown = JSON.parse(body.toString('utf8'));
  if (!isFields(event) || event.object !== 'event' || !isFields(event.data)) throw new Error('the body is not an event');
  const type = textIn(event, 'type');
  if (type.startsWith('payment.')) return aboutPayment(event.data, account);
  if (type.startsWith('refund.')) return aboutRefund(event.data, account, type);
  return { about: 'nothing', kind: type };
}

/** The payment as it was at the event: its state says all, whatever happened to bring it there. */
function aboutPayment(data: Fields, account: Account<Config>): NotificationFact {
  const view = readPayment(data, account);
  return { about: 'payment', channel_order_no: view.order_no, fact: factOf(view) };
}

function aboutRefund(data: Fields, account: Account<Config>, kind: string): NotificationFact {
  const read = readRefund(data, account);
  return read ? { about: 'refund', channel_refund_no: read.refund_no, fact: read.fact } : { about: 'nothing', kind };
}
