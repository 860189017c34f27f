import type { Account, InboundMessage, Notification, Reply } from '../define.ts';
import { assertOneReading, parseFlatForm } from '../flat-form.ts';
import type { Fields } from '../flat-xml.ts';
import { publicKeyOf } from '../keys.ts';
import { requiredField } from '../meaning.ts';
import type { Config } from './config.ts';
import { decryptHex, formText, isSigned, plain_fields } from './crypt.ts';
import { readState } from './orders.ts';
import { readRefund } from './refunds.ts';
import { desKeyOf, openMessage } from './wire.ts';

/** Notifications come as XML in XML, or as a form whose fields are encrypted one by one. `tradeType` 1 tells of a refund. */
export const notification: Notification<Config> = {
  verify: (message, { config }) => (opened(message, config) ? 'valid' : 'invalid'),
  read(message, { config }, env) {
    const fields = opened(message, config);
    if (!fields) throw new Error('a verified message opens');
    const number = requiredField(fields, 'tradeNum');
    if (fields.tradeType === '1') return { about: 'refund', channel_refund_no: number, fact: readRefund(fields) };
    return { about: 'payment', channel_order_no: number, fact: readState(fields, { channel_order_no: number }, env) };
  },
  reply: {
    ok: (_message: InboundMessage, { config }: Account<Config>): Reply => ({
      status: 200,
      content_type: 'text/plain; charset=utf-8',
      body: config.notify_reply ?? 'success',
    }),
    failed: { status: 500, content_type: 'text/plain; charset=utf-8', body: 'fail' },
  },
};

function opened(message: InboundMessage, config: Config): Fields | undefined {
  return message.body.toString('utf8').trimStart().startsWith('<') ? openMessage(message.body, config) : openForm(message, config);
}

function openForm({ body }: InboundMessage, config: Config): Fields | undefined {
  const key = desKeyOf(config);
  const pairs = Object.entries(parseFlatForm(body)).map(([name, value]) => [name, plain_fields.includes(name) ? value : decryptHex(value, key)]);
  const fields: Fields = Object.fromEntries(pairs);
  assertOneReading(fields);
  const { sign, merchant } = fields;
  return sign !== undefined && merchant === config.merchant && isSigned(formText(fields), sign, publicKeyOf(config.jd_public_key)) ? fields : undefined;
}
