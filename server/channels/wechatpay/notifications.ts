import { parseRfc3339 } from '../../kernel/time.ts';
import type { Account, InboundMessage, Notification, NotificationFact } from '../define.ts';
import { resourceOf } from './certificates.ts';
import type { Config } from './config.ts';
import { readTransaction } from './orders.ts';
import { readRefund } from './refunds.ts';
import { decrypt, verifyMessage } from './sign.ts';
import { type Json, keysOf, objectOf, parseJson, requiredText, textOf } from './wire.ts';

/** APIv3 notifications of payments and refunds. @see https://pay.weixin.qq.com/doc/v3/merchant/4012791882 */
export const notification: Notification<Config> = {
  verify: ({ headers, body }, { config }, trust, env) => verifyMessage(headers, body, env.now, keysOf(config, trust)),
  read: readNotification,
  // Anything but a 2xx within 5 s is repeated by the gateway, 15 times over 24 hours.
  reply: {
    ok: { status: 200, content_type: 'application/json; charset=utf-8', body: '{"code":"SUCCESS","message":"成功"}' },
    failed: { status: 500, content_type: 'application/json; charset=utf-8', body: '{"code":"FAIL","message":"失败"}' },
  },
};

function readNotification({ body }: InboundMessage, { config }: Account<Config>): NotificationFact {
  const envelope = parseJson(body.toString('utf8'));
  const kind = requiredText(envelope, 'event_type');
  const content = () => parseJson(decrypt(config.apiv3_key, resourceOf(objectOf(envelope, 'resource'))));
  if (kind === 'TRANSACTION.SUCCESS') return paymentOf(content(), config, kind);
  if (/^REFUND\.(?:SUCCESS|ABNORMAL|CLOSED)$/.test(kind)) return refundOf(content(), config, parseRfc3339(textOf(envelope, 'create_time') ?? ''));
  return { about: 'nothing', kind };
}

/** Profit sharing also announces itself as TRANSACTION.SUCCESS; its content has no trade_state. */
function paymentOf(json: Json, config: Config, kind: string): NotificationFact {
  if (textOf(json, 'trade_state') === undefined) return { about: 'nothing', kind };
  return { about: 'payment', channel_order_no: requiredText(json, 'out_trade_no'), fact: readTransaction(json, config) };
}

/** A refund names its merchant but no shared check compares it, so it is compared here. */
function refundOf(json: Json, config: Config, said_at: Date | undefined): NotificationFact {
  const ours = config.mode === 'direct' ? json.mchid === config.mchid : json.sp_mchid === config.mchid && json.sub_mchid === config.sub_mchid;
  if (!ours) throw new Error('the refund is of another merchant');
  return {
    about: 'refund',
    channel_order_no: requiredText(json, 'out_trade_no'),
    channel_refund_no: requiredText(json, 'out_refund_no'),
    fact: readRefund(json, requiredText(json, 'refund_status'), said_at),
  };
}
