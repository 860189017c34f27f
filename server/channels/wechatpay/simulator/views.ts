import { formatShanghai, formatShanghaiCompact, formatShanghaiRfc3339 } from '../../../kernel/time.ts';
import { openidOf, state_texts } from './ledger.ts';
import type { Order, Refund } from './world.ts';

/** Orders and refunds as the interfaces show them. */

const rfc3339 = (ms: number): string => formatShanghaiRfc3339(new Date(ms));

export type Parties = Record<string, string>;

function partiesOfV3(order: Order): Parties {
  if (order.sub_mchid === undefined) return { appid: order.appid, mchid: order.mchid };
  return { sp_appid: order.appid, sp_mchid: order.mchid, ...(order.sub_appid === undefined ? {} : { sub_appid: order.sub_appid }), sub_mchid: order.sub_mchid };
}

function payerOfV3(order: Order): Parties {
  const openid = openidOf(order.appid, order.payer.openid);
  if (order.sub_mchid === undefined) return { openid };
  return { sp_openid: openid, ...(order.sub_appid === undefined ? {} : { sub_openid: openidOf(order.sub_appid, order.payer.sub_openid) }) };
}

/** A transaction of APIv3; unpaid ones lack what only a payment gives. */
export function transactionOf(order: Order): Record<string, unknown> {
  const common = { ...partiesOfV3(order), out_trade_no: order.out_trade_no, trade_state: order.state, trade_state_desc: state_texts[order.state] };
  const scene_info = { device_id: order.device_id ?? '' };
  const attach = order.attach === undefined ? {} : { attach: order.attach };
  if (order.transaction_id === undefined || order.paid_ms === undefined) {
    return { ...common, ...attach, amount: { payer_currency: 'CNY', total: order.total }, promotion_detail: [], scene_info };
  }
  return {
    ...common,
    ...attach,
    transaction_id: order.transaction_id,
    trade_type: order.trade_type,
    bank_type: 'OTHERS',
    success_time: rfc3339(order.paid_ms),
    payer: payerOfV3(order),
    amount: { total: order.total, payer_total: order.total, currency: 'CNY', payer_currency: 'CNY' },
    promotion_detail: [],
    scene_info,
  };
}

/** A refund of APIv3. */
export function refundOf(order: Order, refund: Refund): Record<string, unknown> {
  return {
    refund_id: refund.refund_id,
    out_refund_no: refund.out_refund_no,
    transaction_id: order.transaction_id,
    out_trade_no: order.out_trade_no,
    channel: 'ORIGINAL',
    user_received_account: '支付用户零钱',
    ...(refund.state === 'SUCCESS' && refund.settled_ms !== undefined ? { success_time: rfc3339(refund.settled_ms) } : {}),
    create_time: rfc3339(refund.created_ms),
    status: refund.state,
    funds_account: 'AVAILABLE',
    amount: {
      total: order.total,
      refund: refund.amount,
      from: [],
      payer_total: order.total,
      payer_refund: refund.amount,
      settlement_refund: refund.amount,
      settlement_total: order.total,
      discount_refund: 0,
      currency: 'CNY',
      refund_fee: 0,
    },
    promotion_detail: [],
  };
}

/** The content of an APIv3 refund notification: fewer fields, and the state has another name. */
export function refundNoticeOf(order: Order, refund: Refund): Record<string, unknown> {
  const { appid: _appid, sp_appid: _sp_appid, sub_appid: _sub_appid, ...parties } = partiesOfV3(order);
  return {
    ...parties,
    out_trade_no: order.out_trade_no,
    transaction_id: order.transaction_id,
    out_refund_no: refund.out_refund_no,
    refund_id: refund.refund_id,
    refund_status: refund.state,
    ...(refund.state === 'SUCCESS' && refund.settled_ms !== undefined ? { success_time: rfc3339(refund.settled_ms) } : {}),
    user_received_account: '支付用户零钱',
    amount: { total: order.total, refund: refund.amount, payer_total: order.total, payer_refund: refund.amount },
  };
}

/** The payment fields of an APIv2 answer or notification. */
export function paymentFieldsOf(order: Order): Record<string, string> {
  if (order.transaction_id === undefined || order.paid_ms === undefined) return {};
  const sub = order.sub_appid === undefined ? {} : { sub_openid: openidOf(order.sub_appid, order.payer.sub_openid), sub_is_subscribe: 'N' };
  return {
    openid: openidOf(order.appid, order.payer.openid),
    is_subscribe: 'N',
    ...sub,
    trade_type: order.trade_type,
    bank_type: 'OTHERS',
    total_fee: String(order.total),
    fee_type: 'CNY',
    cash_fee: String(order.total),
    cash_fee_type: 'CNY',
    transaction_id: order.transaction_id,
    out_trade_no: order.out_trade_no,
    attach: order.attach ?? '',
    time_end: formatShanghaiCompact(new Date(order.paid_ms)),
  };
}

const v2_states = { PROCESSING: 'PROCESSING', SUCCESS: 'SUCCESS', CLOSED: 'REFUNDCLOSE', ABNORMAL: 'CHANGE' } as const;

/** The fields of one refund in an APIv2 answer, with the index that refundquery adds to their names. */
export function refundFieldsOf(refund: Refund, index: number): Record<string, string> {
  return {
    [`out_refund_no_${index}`]: refund.out_refund_no,
    [`refund_id_${index}`]: refund.refund_id,
    [`refund_channel_${index}`]: 'ORIGINAL',
    [`refund_fee_${index}`]: String(refund.amount),
    [`refund_status_${index}`]: v2_states[refund.state],
    [`refund_account_${index}`]: 'REFUND_SOURCE_RECHARGE_FUNDS',
    [`refund_recv_accout_${index}`]: '支付用户零钱',
    ...(refund.settled_ms === undefined ? {} : { [`refund_success_time_${index}`]: formatShanghai(new Date(refund.settled_ms)) }),
  };
}

/** The content of `req_info` in an APIv2 refund notification. */
export function reqInfoOf(order: Order, refund: Refund): Record<string, string> {
  return {
    transaction_id: order.transaction_id ?? '',
    out_trade_no: order.out_trade_no,
    refund_id: refund.refund_id,
    out_refund_no: refund.out_refund_no,
    total_fee: String(order.total),
    settlement_total_fee: String(order.total),
    refund_fee: String(refund.amount),
    settlement_refund_fee: String(refund.amount),
    refund_status: v2_states[refund.state],
    success_time: refund.settled_ms === undefined ? '' : formatShanghai(new Date(refund.settled_ms)),
    refund_recv_accout: '支付用户零钱',
    refund_account: 'REFUND_SOURCE_RECHARGE_FUNDS',
    refund_request_source: 'API',
  };
}
