import type { Account, Env, InboundMessage, Notification, NotificationFact } from '../define.ts';
import type { Fields } from '../flat-xml.ts';
import { ask, requiredField } from '../meaning.ts';
import type { Config } from './config.ts';
import { paid } from './orders.ts';
import { fromPercentGbk } from './sign.ts';
import { fieldsOfXml, isGenuine, ok, ourNumber } from './wire.ts';

/** Payments of orders made beforehand are told of by a form with one parameter. One character is the answer. */
export const notification: Notification<Config> = {
  verify: (message, { config }) => (isGenuine(fieldsOf(message), config) ? 'valid' : 'invalid'),
  read: readNotification,
  reply: {
    ok: { status: 200, content_type: 'text/plain; charset=utf-8', body: '1' },
    failed: { status: 500, content_type: 'text/plain; charset=utf-8', body: '0' },
  },
};

/** The form's own encoding is undone first, then that of the text inside, which no document says is or is not there. */
function fieldsOf({ body }: InboundMessage): Fields {
  const encoded = /^req=([^&]*)$/.exec(body.toString('latin1'))?.[1];
  if (encoded === undefined) throw new Error('the form is not one parameter');
  const text = fromPercentGbk(encoded);
  return fieldsOfXml(text.startsWith('<') ? text : fromPercentGbk(text));
}

function readNotification(message: InboundMessage, account: Account<Config>, env: Env): NotificationFact {
  const fields = fieldsOf(message);
  const channel_order_no = ourNumber(account, requiredField(fields, 'mchnt_order_no'));
  return { about: 'payment', channel_order_no, fact: fields.result_code === ok ? paid(fields, fields.txn_fin_ts, env) : ask('unlisted', fields.result_code) };
}
