import { formatShanghaiCompact } from '../../../kernel/time.ts';
import type { Order, OrderState, Refund, RefundState } from '../../kit/gateway/world.ts';

export type Biz = Readonly<Record<string, string>>;

export const isOnline = ({ own }: Order): boolean => own.family === 'online';

export const apiOf = (order: Order): string => (isOnline(order) ? '/api/cardbusiness/aggregatepay/b2c/online/consumepurchase/V1' : '/api/qrcode/V2/generate');

/** The two families number their states as public code reads them; 3 of the first is an order that was undone. */
const qr: Readonly<Record<OrderState, string>> = { open: '0', asking: '0', paid: '1', closed: '2', reversed: '3', failed: '2' };
const online: Readonly<Record<OrderState, string>> = { open: '2', asking: '2', paid: '0', closed: '1', reversed: '1', failed: '1' };

export const qr_states = 'waiting=0,done=1,failed=2,closed=3';
export const online_states = 'done=0,failed=1,waiting=2';

export const statusOf = (order: Order): string => (isOnline(order) ? online : qr)[order.state];

/** Fields of a query and of a notification. */
export function paymentFields(order: Order): Biz {
  const named = { pay_status: statusOf(order), mer_id: order.merchant, out_trade_no: order.order_no, total_amt: String(order.amount_fen) };
  if (order.transaction_id === undefined || order.paid_ms === undefined) return named;
  const payer = isOnline(order) ? { open_id: order.own.payer_id ?? '', pay_type: order.own.pay_mode ?? '' } : { cust_id: '10000000000123456', card_no: '' };
  return {
    ...named,
    ...payer,
    order_id: order.transaction_id,
    payment_amt: String(order.amount_fen),
    total_disc_amt: '0',
    pay_time: formatShanghaiCompact(new Date(order.paid_ms)),
  };
}

const refund_states: Readonly<Record<'qr' | 'online', Readonly<Record<RefundState, string>>>> = {
  qr: { processing: '0', succeeded: '1', failed: '2' },
  online: { processing: '2', succeeded: '0', failed: '1' },
};

export function refundFields(order: Order, { refund_no, refund_id, amount_fen, state }: Refund): Biz {
  const amounts = { reject_amt: String(amount_fen), real_reject_amt: String(amount_fen), reject_point: '0', reject_ecoupon: '0' };
  return isOnline(order)
    ? { outtrx_serial_no: refund_no, intrx_serial_no: refund_id, pay_status: refund_states.online[state], ...amounts }
    : { reject_no: refund_no, icbc_reject_sq: refund_id, reject_status: refund_states.qr[state], ...amounts };
}
