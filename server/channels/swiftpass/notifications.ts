import type { InboundMessage, Notification, NotificationFact } from '../define.ts';
import { ask, requiredField } from '../meaning.ts';
import type { Config } from './config.ts';
import { paid } from './orders.ts';
import { fieldsOf, verifyMessage } from './wire.ts';

/** Payments are told of by XML with the fields of a query. The answer is a word, and anything else is repeated. */
export const notification: Notification<Config> = {
  verify: verifyMessage,
  read: readNotification,
  reply: {
    ok: { status: 200, content_type: 'text/plain; charset=utf-8', body: 'success' },
    failed: { status: 500, content_type: 'text/plain; charset=utf-8', body: 'fail' },
  },
};

function readNotification({ body }: InboundMessage): NotificationFact {
  const fields = fieldsOf({ body });
  const channel_order_no = requiredField(fields, 'out_trade_no');
  const is_paid = fields.status === '0' && fields.result_code === '0' && fields.pay_result === '0';
  return { about: 'payment', channel_order_no, fact: is_paid ? paid(fields, { channel_order_no }) : ask('unlisted', `pay_result ${fields.pay_result}`) };
}
