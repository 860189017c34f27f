import { createHash } from 'node:crypto';
import { formatShanghaiCompact } from '../../../kernel/time.ts';
import type { Order, Refund } from '../../kit/gateway/world.ts';

export const states = { open: 'NOTPAY', asking: 'USERPAYING', paid: 'SUCCESS', closed: 'CLOSED', reversed: 'REVOKED', failed: 'PAYERROR' } as const;

export function paymentFields(order: Order): Record<string, string> {
  if (order.transaction_id === undefined || order.paid_ms === undefined) return {};
  return {
    trade_type: order.own.trade_type ?? '',
    bank_type: 'BALANCE',
    fee_type: 'CNY',
    total_fee: String(order.amount_fen),
    cash_fee: String(order.amount_fen),
    coupon_fee: '0',
    transaction_id: order.transaction_id,
    out_trade_no: order.order_no,
    attach: '',
    time_end: formatShanghaiCompact(new Date(order.paid_ms)),
    openid: createHash('md5').update(order.merchant).digest('hex').toUpperCase(),
    ...(order.own.device_info === undefined ? {} : { device_info: order.own.device_info }),
  };
}

export const refundFields = (refund: Refund, index: number): Record<string, string> => ({
  [`out_refund_no_${index}`]: refund.refund_no,
  [`refund_id_${index}`]: refund.refund_id,
  [`refund_channel_${index}`]: 'ORIGINAL',
  [`refund_fee_${index}`]: String(refund.amount_fen),
  [`coupon_refund_fee_${index}`]: '0',
  [`cash_refund_fee_${index}`]: String(refund.amount_fen),
  [`refund_status_${index}`]: { processing: 'PROCESSING', succeeded: 'SUCCESS', failed: 'FAIL' }[refund.state],
  [`refund_recv_accout_${index}`]: '用户余额',
});
