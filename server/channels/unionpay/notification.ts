import type { Account, InboundMessage, Notification, NotificationFact } from '../define.ts';
import type { Config } from './config.ts';
import { isDone } from './errors.ts';
import { parseForm } from './message.ts';
import type { Fields } from './sign.ts';
import { amountOf, successOf } from './trade.ts';
import { verifyFields } from './trust.ts';
import { asks, required } from './wire.ts';

/** Payments, and refunds of both kinds, are told of; failures never are. */
const refund_types = ['04', '31'];

function readFields({ body }: InboundMessage, account: Account<Config>): NotificationFact {
  const fields = parseForm(body);
  if (!fields) throw new Error('the message is no form');
  const type = required(fields, 'txnType');
  if (type === '01') return { about: 'payment', channel_order_no: required(fields, 'orderId'), fact: paymentFact(fields) };
  return refund_types.includes(type) ? refundNotice(fields, account.config) : { about: 'nothing', kind: `txnType ${type.slice(0, 8)}` };
}

function paymentFact(fields: Fields): Extract<NotificationFact, { about: 'payment' }>['fact'] {
  const code = required(fields, 'respCode');
  return isDone(code) ? { is: 'paid', success: successOf(fields) } : asks(code);
}

/** One certificate signs for all merchants, and a refund has no receiver that the shared verifier could compare: whose it is is asked here. */
function refundNotice(fields: Fields, { mer_id }: Config): NotificationFact {
  if (required(fields, 'merId') !== mer_id) throw new Error('the refund is of another merchant');
  const code = required(fields, 'respCode');
  const id = fields.get('queryId');
  const succeeded = { is: 'succeeded', amount_fen: amountOf(fields), ...(id === undefined ? {} : { channel_refund_id: id }) } as const;
  return { about: 'refund', channel_refund_no: required(fields, 'orderId'), fact: isDone(code) ? succeeded : asks(code) };
}

/** Sent up to five times, 1, 2, 4 and 5 minutes apart, until it is answered with 200. */
export const notification: Notification<Config> = {
  verify: ({ body }, { config }, _trust, env) => verifyFields(parseForm(body), config, env),
  read: readFields,
  reply: {
    ok: { status: 200, content_type: 'text/plain', body: 'ok' },
    failed: { status: 400, content_type: 'text/plain', body: 'fail' },
  },
};
