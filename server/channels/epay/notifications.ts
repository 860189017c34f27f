import type { Account, Env, InboundMessage, Notification, NotificationFact } from '../define.ts';
import { parseSignedForm } from '../flat-form.ts';
import type { Fields } from '../flat-xml.ts';
import { ask, requiredField } from '../meaning.ts';
import type { Config } from './config.ts';
import { paid } from './orders.ts';
import { isSigned } from './sign.ts';

/** Payments are told of by a GET whose query has the parameters; some versions can be set to POST. */
export const notification: Notification<Config> = {
  by_get: true,
  verify(message, { config }) {
    const fields = fieldsOf(message);
    return isSigned(fields, config.key) && fields.pid === config.pid ? 'valid' : 'invalid';
  },
  read: readNotification,
  reply: {
    ok: { status: 200, content_type: 'text/plain; charset=utf-8', body: 'success' },
    failed: { status: 500, content_type: 'text/plain; charset=utf-8', body: 'fail' },
  },
};

/** The page that a payer comes back by carries the same fields and signature, the order's own texts among them. */
function fieldsOf({ body }: InboundMessage): Fields {
  return parseSignedForm(body);
}

function readNotification(message: InboundMessage, _account: Account<Config>, env: Env): NotificationFact {
  const fields = fieldsOf(message);
  const channel_order_no = requiredField(fields, 'out_trade_no');
  const state = requiredField(fields, 'trade_status');
  return { about: 'payment', channel_order_no, fact: state === 'TRADE_SUCCESS' ? paid(fields, undefined, env) : ask('unlisted', state) };
}
