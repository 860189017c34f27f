import type { PaymentFact } from '../../kernel/outcome.ts';
import type { Account, InboundMessage, Notification, NotificationFact, Settled, Trust, Verdict } from '../define.ts';
import { type Config, identity, keysOf } from './config.ts';
import { charsetOf, decodeForm, type Form, readForm } from './form.ts';
import { isSignedBy, signed_without, stringToSign } from './sign.ts';
import { successOf } from './trade.ts';
import { type Fields, textOf } from './wire.ts';

/** Trade messages follow rule V1; some systems of the gateway sign by V2. */
const rules = [signed_without.v1, signed_without.v2];

/**
 * The signature is over the values as they came, decoded once, in their own charset. A parameter that comes twice is
 * refused (B-08), and so is a message whose signature type the account does not use.
 */
function verifyForm({ body }: InboundMessage, { config }: Account<Config>, trust: Trust): Verdict {
  const form = readForm(body);
  const sign = form?.get('sign');
  if (!form || sign === undefined || form.get('sign_type') !== 'RSA2' || !charsetOf(form.get('charset'))) return 'invalid';
  const signed = rules.map((without) => Buffer.from(stringToSign(form, without), 'latin1'));
  const { alipay, certificates } = keysOf(config);
  const keys = [alipay, ...trust.values()];
  if (keys.some((key) => signed.some((bytes) => isSignedBy(key, bytes, sign)))) return 'valid';
  // A message does not say which certificate signed it. In key mode there is only the configured one.
  return certificates ? 'unnamed_key' : 'invalid';
}

/** The message's texts. Throws when they cannot be read. */
function fieldsOf({ body }: InboundMessage): Fields {
  const form: Form | undefined = readForm(body);
  const charset = charsetOf(form?.get('charset'));
  const texts = form && charset ? decodeForm(form, charset) : undefined;
  if (!texts) throw new Error('the message is not a form in its charset');
  return Object.fromEntries(texts);
}

function readTrade(message: InboundMessage, { config }: Account<Config>): NotificationFact {
  const fields = fieldsOf(message);
  const kind = textOf(fields, 'notify_type') ?? textOf(fields, 'msg_method') ?? 'unnamed';
  if (kind !== 'trade_status_sync') return { about: 'nothing', kind: kind.slice(0, 64) };
  const channel_order_no = textOf(fields, 'out_trade_no');
  if (channel_order_no === undefined) throw new Error('a trade message without out_trade_no');
  const ours = identity(config);
  const received = Object.fromEntries(
    Object.keys(ours).flatMap((name) => (textOf(fields, name) === undefined ? [] : [[name, textOf(fields, name) as string]])),
  );
  const fact = refundFact(fields, channel_order_no) ?? { about: 'payment', channel_order_no, fact: stateFact(fields, received) };
  const is_paid = fact.about === 'payment' && fact.fact.is === 'paid';
  // Money for another receiver goes on to the shared verifier, which records it; any other word about a stranger's order is none for us (B-04).
  const is_ours = Object.entries(received).every(([name, value]) => ours[name] === value);
  return is_ours || is_paid ? fact : { about: 'nothing', kind: `${kind} of another receiver` };
}

/**
 * A refund is told as a trade message with the order's state and the sum of all its refunds: it must not be read as a
 * second payment, and it does not say what this one refund was. A query does.
 */
function refundFact(fields: Fields, channel_order_no: string): NotificationFact | undefined {
  const is_refund = ['gmt_refund', 'refund_fee', 'out_biz_no'].some((name) => textOf(fields, name) !== undefined);
  if (!is_refund) return undefined;
  const channel_refund_no = textOf(fields, 'out_biz_no');
  const fact = { is: 'ask', why: 'unlisted', detail: 'a refund message gives the sum of all refunds' } as const;
  return channel_refund_no === undefined ? { about: 'payment', channel_order_no, fact } : { about: 'refund', channel_order_no, channel_refund_no, fact };
}

function stateFact(fields: Fields, received: Readonly<Record<string, string>>): Settled<PaymentFact> {
  const state = textOf(fields, 'trade_status');
  switch (state) {
    case 'WAIT_BUYER_PAY':
      return { is: 'waiting' };
    case 'TRADE_SUCCESS':
    case 'TRADE_FINISHED':
      return { is: 'paid', success: successOf(fields, 'gmt_payment', received) };
    case 'TRADE_CLOSED':
      // A payment time in a closed order means that it was paid and undone since.
      return textOf(fields, 'gmt_payment') === undefined ? { is: 'closed' } : { is: 'ask', why: 'unlisted', detail: 'TRADE_CLOSED with a payment time' };
    default:
      return { is: 'ask', why: 'unlisted', detail: `trade_status ${state?.slice(0, 32)}` };
  }
}

/** @see https://opendocs.alipay.com/open/203/105286 */
export const notification: Notification<Config> = {
  verify: verifyForm,
  read: readTrade,
  reply: {
    ok: { status: 200, content_type: 'text/plain', body: 'success' },
    failed: { status: 400, content_type: 'text/plain', body: 'fail' },
  },
};
