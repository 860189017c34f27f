import type { Account, InboundMessage, Notification, NotificationFact, Reply } from '../define.ts';
import { parseFlatForm } from '../flat-form.ts';
import { ask } from '../meaning.ts';
import type { Config } from './config.ts';
import { stateOf } from './orders.ts';
import { refundStateOf } from './refunds.ts';
import { type Fields, isSignedBy, pointOf, signFields } from './sign.ts';
import { bizOf, required, textOf } from './wire.ts';

function verifyForm({ body }: InboundMessage, { config }: Account<Config>): 'valid' | 'invalid' {
  return isSignedBy(parseFlatForm(body), pointOf(config.cmb_public_key) ?? '') ? 'valid' : 'invalid';
}

/**
 * Payments and refunds share the shape: a refund has a state of its own. A payment whose state is missing is asked about. The bank
 * signs for all merchants with one key, and a refund has no receiver that the shared verifier could compare: whose it is is asked here.
 */
function readForm({ body }: InboundMessage, { config }: Account<Config>): NotificationFact {
  const biz = bizOf(parseFlatForm(body));
  const no = required(biz, 'orderId');
  if (textOf(biz, 'refundState') !== undefined) {
    if (required(biz, 'merId') !== config.mer_id) throw new Error('the refund is of another merchant');
    return { about: 'refund', channel_refund_no: no, fact: refundStateOf(biz, 'refundState') };
  }
  const is_told = textOf(biz, 'tradeState') === 'S';
  return { about: 'payment', channel_order_no: no, fact: is_told ? stateOf(biz) : ask('unlisted', 'no success') };
}

const json = (fields: Fields, status: number): Reply => ({ status, content_type: 'application/json', body: JSON.stringify(fields) });
const format: Fields = { version: '0.0.1', encoding: 'UTF-8', signMethod: '02' };

/** An answer that is not signed counts as none, and the message comes again. */
function acknowledge(_message: InboundMessage, { config }: Account<Config>): Reply {
  const fields: Fields = { ...format, returnCode: 'SUCCESS', respCode: 'SUCCESS' };
  return json({ ...fields, sign: signFields(fields, config.private_key.expose()) }, 200);
}

export const notification: Notification<Config> = {
  verify: verifyForm,
  read: readForm,
  reply: { ok: acknowledge, failed: json({ ...format, returnCode: 'FAIL', respCode: 'FAIL' }, 400) },
};
