import { formatShanghaiCompact } from '../../../kernel/time.ts';
import type { Order, OrderState, Refund } from '../../kit/gateway/world.ts';

export const states: Readonly<Record<OrderState, string>> = {
  open: 'CREATE',
  asking: 'DEAL',
  paid: 'SUCCESS',
  closed: 'CLOSE',
  reversed: 'REFUND',
  failed: 'FAIL',
};

export type Data = Readonly<Record<string, unknown>>;

export function paymentData(order: Order): Data {
  const paid = order.transaction_id !== undefined && order.paid_ms !== undefined;
  return {
    merchant_no: order.merchant,
    out_trade_no: order.order_no,
    trade_no: order.transaction_id ?? '',
    account_type: order.own.account_type ?? '',
    total_amount: String(order.amount_fen),
    ...(paid
      ? { payer_amount: String(order.amount_fen), trade_time: formatShanghaiCompact(new Date(order.paid_ms ?? 0)), user_id1: order.own.user_id ?? 'payer' }
      : {}),
  };
}

export const refundData = (order: Order, refund: Refund): Data => ({
  merchant_no: order.merchant,
  out_trade_no: refund.refund_no,
  trade_no: refund.refund_id,
  trade_main_type: 'REFUND',
  trade_state: { processing: 'DEAL', succeeded: 'SUCCESS', failed: 'FAIL' }[refund.state],
  total_amount: String(refund.amount_fen),
  trade_time: formatShanghaiCompact(new Date(refund.settled_ms ?? refund.created_ms)),
});
