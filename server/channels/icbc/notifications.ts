import type { Account, InboundMessage, Notification, NotificationFact, Reply, Step } from '../define.ts';
import { parseSignedForm } from '../flat-form.ts';
import { privateKeyOf } from '../keys.ts';
import { ask } from '../meaning.ts';
import type { Config } from './config.ts';
import { paid } from './orders.ts';
import { isGateways, replyText, stringToSign } from './sign.ts';
import { statesOf } from './states.ts';
import { objectIn, required, textOf } from './wire.ts';

/** Signed together with the path of the address that the bank was told. Refunds are not told of. */
export const notification: Notification<Config> = {
  verify({ path, body }, { config }) {
    const fields = parseSignedForm(body);
    return fields.app_id === config.app_id && isGateways(stringToSign(path, fields), fields.sign, config.gateway_public_key) ? 'valid' : 'invalid';
  },
  read: readForm,
  reply: { ok: acknowledge, failed: json('{"response_biz_content":{"return_code":-1,"return_msg":"failed"}}', 400) },
};

/** What does not say plainly that it is a success, and whose, is asked about. */
function readForm({ body }: InboundMessage, { config }: Account<Config>): NotificationFact {
  const { api, biz_content } = parseSignedForm(body);
  const biz = objectIn(biz_content ?? '');
  const states = statesOf((api?.startsWith('/api/qrcode/') ? config.qr_states : config.online_states) ?? '');
  const is_told = required(biz, 'return_code') === '0' && states.get(textOf(biz, 'pay_status') ?? '') === 'done' && textOf(biz, 'mer_id') !== undefined;
  return { about: 'payment', channel_order_no: required(biz, 'out_trade_no'), fact: is_told ? paid(biz) : ask('unlisted', 'no success') };
}

function json(body: string, status: number): Reply {
  return { status, content_type: 'application/json;charset=UTF-8', body };
}

/** An answer that is not signed counts as none, and the message comes again. It is signed with SHA-1 whatever requests are signed with. */
function acknowledge({ body }: InboundMessage, { config }: Account<Config>): Step<Reply> {
  const signed = replyText(textOf(objectIn(parseSignedForm(body).biz_content ?? ''), 'msg_id') ?? '');
  const then = (signature: string): Reply => json(`{${signed},"sign":"${signature}"}`, 200);
  return { sign: { message: signed, key: privateKeyOf(config.private_key), digest: 'sha1' }, then };
}
