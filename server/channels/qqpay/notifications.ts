import type { Account, InboundMessage, Notification, NotificationFact } from '../define.ts';
import { ask, requiredField } from '../meaning.ts';
import type { Config } from './config.ts';
import { paid } from './orders.ts';
import { fieldsOf, verifyMessage } from './wire.ts';

/** Payments are told of by XML with the fields of a query. */
export const notification: Notification<Config> = {
  verify: verifyMessage,
  read: readNotification,
  reply: {
    ok: { status: 200, content_type: 'text/xml; charset=utf-8', body: '<xml><return_code>SUCCESS</return_code></xml>' },
    failed: { status: 500, content_type: 'text/xml; charset=utf-8', body: '<xml><return_code>FAIL</return_code></xml>' },
  },
};

/**
 * Whether a service provider's message names the sub-merchant is not published. One key signs for all of its sub-merchants, so a
 * message without it is not whose money it says: it makes Heliu ask, and a question names the sub-merchant itself.
 */
function readNotification({ body }: InboundMessage, { config }: Account<Config>): NotificationFact {
  const fields = fieldsOf({ body });
  const channel_order_no = requiredField(fields, 'out_trade_no');
  const is_named = config.mode === 'direct' || (fields.sub_mch_id ?? '') !== '';
  const is_told = fields.trade_state === 'SUCCESS' && is_named;
  const fact = is_told ? paid(fields, { channel_order_no }) : ask('unlisted', fields.trade_state);
  return { about: 'payment', channel_order_no, fact };
}
