import type { Merchant, Order, OrderState, Refund } from '../../kit/gateway/world.ts';

export type Data = Readonly<Record<string, string | number | null>>;

/** 0 made, 1 paying, 2 paid, 3 failed, 4 cancelled, 5 refunded, 6 closed. */
export const states: Readonly<Record<OrderState, number>> = { open: 1, asking: 1, paid: 2, closed: 6, reversed: 4, failed: 3 };

export function orderData(order: Order, merchant: Merchant, refunded = false): Data {
  return {
    payOrderId: order.own.pay_order_id ?? '',
    mchNo: order.merchant,
    appId: merchant.own.app_id ?? '',
    mchOrderNo: order.order_no,
    ifCode: order.own.way?.startsWith('ALI') ? 'alipay' : 'wxpay',
    wayCode: order.own.way ?? '',
    amount: order.amount_fen,
    currency: 'cny',
    state: refunded ? 5 : states[order.state],
    clientIp: order.own.client_ip ?? '',
    subject: order.subject,
    body: order.subject,
    channelOrderNo: order.transaction_id === undefined ? null : `4200${order.transaction_id.slice(-12)}`,
    errCode: null,
    errMsg: null,
    extParam: null,
    successTime: order.paid_ms ?? null,
    createdAt: order.created_ms,
  };
}

export function refundData(order: Order, refund: Refund, merchant: Merchant): Data {
  return {
    refundOrderId: refund.refund_id,
    payOrderId: order.own.pay_order_id ?? '',
    mchNo: order.merchant,
    appId: merchant.own.app_id ?? '',
    mchRefundNo: refund.refund_no,
    payAmount: order.amount_fen,
    refundAmount: refund.amount_fen,
    currency: 'cny',
    state: { processing: 1, succeeded: 2, failed: 3 }[refund.state],
    channelOrderNo: refund.state === 'succeeded' ? `5030${refund.refund_id.slice(-12)}` : null,
    errCode: refund.state === 'failed' ? 'NOTENOUGH' : null,
    errMsg: refund.state === 'failed' ? '基本账户余额不足' : null,
    extParam: null,
    successTime: refund.settled_ms ?? null,
    createdAt: refund.created_ms,
  };
}
