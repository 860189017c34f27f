import type { Account, InboundMessage, Notification, NotificationFact } from '../define.ts';
import { parseSignedForm } from '../flat-form.ts';
import { fullNo } from '../short-no.ts';
import type { Config } from './config.ts';
import { readState } from './orders.ts';
import { readRefund } from './refunds.ts';
import { isSigned, type Values } from './sign.ts';
import { textIn } from './wire.ts';

/** Payments and refunds are told of by a form with the fields of a query. Anything but the word is repeated, six sends in all. */
export const notification: Notification<Config> = {
  verify(message, { config }) {
    const values = valuesOf(message);
    return isSigned(values, values.sign, config.app_secret) && values.mchNo === config.mch_no ? 'valid' : 'invalid';
  },
  read: readNotification,
  reply: {
    ok: { status: 200, content_type: 'text/plain; charset=utf-8', body: 'success' },
    failed: { status: 500, content_type: 'text/plain; charset=utf-8', body: 'fail' },
  },
};

/** The page that a payer comes back by carries the same fields and signature, the order's own texts among them. */
function valuesOf({ body }: InboundMessage): Values {
  return parseSignedForm(body);
}

function readNotification(message: InboundMessage, account: Account<Config>): NotificationFact {
  const values = valuesOf(message);
  if (values.mchRefundNo === undefined) {
    return { about: 'payment', channel_order_no: fullNo(account, textIn(values, 'mchOrderNo')), fact: readState(values) };
  }
  if (values.appId !== account.config.app_id) throw new Error('the refund is of another application');
  return { about: 'refund', channel_refund_no: fullNo(account, textIn(values, 'mchRefundNo')), fact: readRefund(values) };
}
