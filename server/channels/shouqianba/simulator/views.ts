import type { Order, OrderState, Refund } from '../../kit/gateway/world.ts';
import { storeOf } from './terminals.ts';

export type Data = Readonly<Record<string, string>>;

const states: Readonly<Record<OrderState, string>> = {
  open: 'CREATED',
  asking: 'CREATED',
  paid: 'PAID',
  closed: 'PAY_CANCELED',
  reversed: 'CANCELED',
  failed: 'PAY_CANCELED',
};

export function orderStatus(order: Order, left_fen: number): string {
  if (order.state !== 'paid' || left_fen === order.amount_fen) return states[order.state];
  return left_fen === 0 ? 'REFUNDED' : 'PARTIAL_REFUNDED';
}

/** Every value is a text. The times are those of what was done last. */
export function paymentData(order: Order, left_fen: number, last?: Refund): Data {
  const done_ms = last?.settled_ms ?? order.paid_ms;
  return {
    terminal_sn: order.own.terminal_sn ?? '',
    sn: order.own.sn ?? '',
    client_sn: order.order_no,
    client_tsn: last?.refund_no ?? order.order_no,
    store_id: storeOf(order.merchant),
    ctime: String(order.created_ms),
    status: last ? { processing: 'IN_PROG', succeeded: 'SUCCESS', failed: 'FAIL_CANCELED' }[last.state] : flow[order.state],
    order_status: orderStatus(order, left_fen),
    payway: order.own.payway ?? '3',
    sub_payway: order.own.sub_payway ?? '1',
    total_amount: String(order.amount_fen),
    net_amount: String(left_fen),
    subject: order.subject,
    operator: order.own.operator ?? '',
    ...(done_ms === undefined ? {} : { finish_time: String(done_ms), channel_finish_time: String(done_ms) }),
    ...(order.transaction_id === undefined ? {} : { trade_no: `40${order.transaction_id}`, payer_uid: 'oSTAxt7Rkjr7Jtk0vtf-cFWiHjcs' }),
  };
}

const flow: Readonly<Record<OrderState, string>> = {
  open: 'IN_PROG',
  asking: 'IN_PROG',
  paid: 'SUCCESS',
  closed: 'FAIL_CANCELED',
  reversed: 'SUCCESS',
  failed: 'FAIL_CANCELED',
};
