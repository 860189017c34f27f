import type { InboundMessage, Notification, NotificationFact } from '../define.ts';
import { ask } from '../meaning.ts';
import type { Config } from './config.ts';
import { readState } from './orders.ts';
import { optionalText, readJson, textIn, verifyNotification } from './wire.ts';

/** Only what is whole is believed; the names of this message's fields are not published, so anything else makes Heliu ask. */
export const notification: Notification<Config> = {
  verify: verifyNotification,
  read: readNotification,
  reply: {
    ok: { status: 200, content_type: 'application/json; charset=utf-8', body: '{"code":"SUCCESS","message":"执行成功"}' },
    failed: { status: 500, content_type: 'application/json; charset=utf-8', body: '{"code":"FAIL","message":"失败"}' },
  },
};

function readNotification({ body }: InboundMessage): NotificationFact {
  const data = readJson(body);
  const channel_order_no = textIn(data, 'out_trade_no');
  const state = optionalText(data, 'trade_status') ?? optionalText(data, 'trade_state');
  const is_whole = state === 'SUCCESS' && ['trade_no', 'total_amount', 'trade_time', 'merchant_no'].every((name) => optionalText(data, name) !== undefined);
  return { about: 'payment', channel_order_no, fact: is_whole ? readState(data, state, { channel_order_no }) : ask('unlisted', state) };
}
