import type { Account, Env, InboundMessage, Notification, NotificationFact, Reply } from '../define.ts';
import { parseSignedForm } from '../flat-form.ts';
import type { Fields } from '../flat-xml.ts';
import { ask, fenField, requiredField } from '../meaning.ts';
import { fullNo } from '../short-no.ts';
import type { Config } from './config.ts';
import { isMac, type Part } from './mac.ts';
import { readRefund } from './refunds.ts';

/** Two kinds of forms: payments in capitals, whose MAC uses other names than its fields, and refunds. The answer repeats a number of the message. */
export const notification: Notification<Config> = {
  verify(message, { config }) {
    const fields = fieldsOf(message);
    const key = config.data_key.expose();
    const is_genuine = fields.refundReqNo === undefined ? isMac(fields.SIGN, paidParts(fields), key) : isMac(fields.mac, refundParts(fields), key);
    return is_genuine ? 'valid' : 'invalid';
  },
  read(message, account, env) {
    const fields = fieldsOf(message);
    return fields.refundReqNo === undefined ? readPaid(fields, account, env) : readRefunded(fields, account);
  },
  reply: {
    ok: (message): Reply => {
      const { refundReqNo, ourTransNo = '', UPTRANSEQ = '' } = fieldsOf(message);
      return { status: 200, content_type: 'text/plain; charset=utf-8', body: refundReqNo === undefined ? `UPTRANSEQ_${UPTRANSEQ}` : ourTransNo };
    },
    failed: { status: 500, content_type: 'text/plain; charset=utf-8', body: 'fail' },
  },
};

function fieldsOf({ body }: InboundMessage): Fields {
  return parseSignedForm(body);
}

const paidParts = (fields: Fields): readonly Part[] => [
  ['UPTRANSEQ', fields.UPTRANSEQ ?? ''],
  ['MERCHANTID', fields.MERCHANTID ?? ''],
  ['ORDERID', fields.ORDERSEQ ?? ''],
  ['PAYMENT', fields.ORDERAMOUNT ?? ''],
  ['RETNCODE', fields.RETNCODE ?? ''],
  ['RETNINFO', fields.RETNINFO ?? ''],
  ['PAYDATE', fields.TRANDATE ?? ''],
];

const refundParts = (fields: Fields): readonly Part[] => [
  ['MERCHANTCODE', fields.merchantCode ?? ''],
  ['OLDORDERNO', fields.oldOrderNo ?? ''],
  ['OLDORDERREQNO', fields.oldOrderReqNo ?? ''],
  ['OURTRANSNO', fields.ourTransNo ?? ''],
  ['REFUNDREQNO', fields.refundReqNo ?? ''],
  ['TRANSAMT', fields.transAmt ?? ''],
  ['TRANSSTATUS', fields.transStatus ?? ''],
];

function readPaid(fields: Fields, account: Account<Config>, env: Env): NotificationFact {
  const channel_order_no = fullNo(account, requiredField(fields, 'ORDERSEQ'));
  if (fields.RETNCODE !== '0000') return { about: 'payment', channel_order_no, fact: ask('unlisted', `RETNCODE ${fields.RETNCODE}`) };
  return {
    about: 'payment',
    channel_order_no,
    fact: {
      is: 'paid',
      success: {
        channel_transaction_id: requiredField(fields, 'UPTRANSEQ'),
        amount_fen: fenField(fields, 'ORDERAMOUNT'),
        currency: 'CNY',
        // Only the day is said, so it is when we learn of it.
        paid_at: env.now,
        identity: { merchant_id: requiredField(fields, 'MERCHANTID') },
      },
    },
  };
}

function readRefunded(fields: Fields, account: Account<Config>): NotificationFact {
  if (fields.merchantCode !== account.config.merchant_id) throw new Error('the refund is of another merchant');
  return {
    about: 'refund',
    channel_order_no: fullNo(account, requiredField(fields, 'oldOrderNo')),
    channel_refund_no: fullNo(account, requiredField(fields, 'refundReqNo')),
    fact: readRefund(fields),
  };
}
