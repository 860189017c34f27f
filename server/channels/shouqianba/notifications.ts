import type { InboundMessage, Notification, NotificationFact, Verdict } from '../define.ts';
import { ask } from '../meaning.ts';
import type { Config } from './config.ts';
import { optionalText, readJson, textIn } from './wire.ts';

/**
 * Nothing in a notification is signed, so nothing in it is believed: it names an order, and Heliu asks about that. Whoever sends one
 * can bring a question about, and no more.
 */
export const notification: Notification<Config> = {
  verify: isLegible,
  read: readNotification,
  reply: {
    ok: { status: 200, content_type: 'text/plain; charset=utf-8', body: 'success' },
    failed: { status: 500, content_type: 'text/plain; charset=utf-8', body: 'fail' },
  },
};

const order_no_form = /^[0-9A-Z]{32}$/;

function isLegible({ body }: InboundMessage): Verdict {
  return order_no_form.test(optionalText(readJson(body), 'client_sn') ?? '') ? 'valid' : 'invalid';
}

function readNotification({ body }: InboundMessage): NotificationFact {
  return { about: 'payment', channel_order_no: textIn(readJson(body), 'client_sn'), fact: ask('unlisted', 'the notification is not signed') };
}
