import { createHash } from 'node:crypto';
import { methods } from '@heliu/contract';
import { formatShanghaiCompact } from '../../../kernel/time.ts';
import type { Order, Refund } from '../../kit/gateway/world.ts';

/** Orders and refunds as answers show them. */

const wallet_names: Readonly<Record<string, string>> = { wechat: 'weixin', jd: 'jdpay' };
const scene_names: Readonly<Record<string, string>> = { barcode: 'micropay', qr: 'native', jsapi: 'jspay', mini: 'jspay' };

/** `pay.weixin.native`. */
export function tradeType({ method }: Order): string {
  const { wallet, scene } = methods[method];
  return `pay.${wallet_names[wallet] ?? wallet}.${scene_names[scene] ?? scene}`;
}

export function paymentFields(order: Order): Record<string, string> {
  if (order.transaction_id === undefined || order.paid_ms === undefined) return {};
  const openid = order.own.payer_id ?? `o${createHash('sha256').update(order.merchant).digest('base64url').slice(0, 27)}`;
  return {
    trade_type: tradeType(order),
    openid,
    ...(order.own.sub_appid === undefined ? {} : { sub_appid: order.own.sub_appid, sub_openid: openid, sub_is_subscribe: 'N' }),
    transaction_id: order.transaction_id,
    out_transaction_id: `4200${order.transaction_id.slice(-20)}`,
    out_trade_no: order.order_no,
    total_fee: String(order.amount_fen),
    fee_type: 'CNY',
    bank_type: 'OTHERS',
    time_end: formatShanghaiCompact(new Date(order.paid_ms)),
  };
}

/** The fields of one refund, with the index that a refund query adds to their names. */
export function refundFields(refund: Refund, index: number): Record<string, string> {
  return {
    [`out_refund_no_${index}`]: refund.refund_no,
    [`refund_id_${index}`]: refund.refund_id,
    [`refund_channel_${index}`]: 'ORIGINAL',
    [`refund_fee_${index}`]: String(refund.amount_fen),
    [`coupon_refund_fee_${index}`]: '0',
    [`refund_time_${index}`]: formatShanghaiCompact(new Date(refund.settled_ms ?? refund.created_ms)),
    [`refund_status_${index}`]: { processing: 'PROCESSING', succeeded: 'SUCCESS', failed: 'FAIL' }[refund.state],
  };
}
