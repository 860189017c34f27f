import { formatShanghaiCompact } from '../../../kernel/time.ts';
import type { Order, Refund } from '../../kit/gateway/world.ts';

/** The bank's letters of a state. */
export const states = { open: 'P', asking: 'P', paid: 'S', closed: 'C', reversed: 'D', failed: 'F' } as const;

const wallets: Readonly<Record<string, string>> = { alipay_barcode: 'ZF', unionpay_barcode: 'YL', unionpay_app: 'YL' };

export function paymentFields(order: Order): Record<string, string> {
  const named = { merId: order.merchant, orderId: order.order_no, txnAmt: String(order.amount_fen), currencyCode: '156' };
  if (order.transaction_id === undefined || order.paid_ms === undefined) return named;
  const at = formatShanghaiCompact(new Date(order.paid_ms));
  return {
    ...named,
    cmbOrderId: order.transaction_id,
    payType: wallets[order.method] ?? 'WX',
    dscAmt: '0',
    openId: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o',
    endDate: at.slice(0, 8),
    endTime: at.slice(8),
  };
}

export const refundFields = (order: Order, refund: Refund): Record<string, string> => ({
  merId: order.merchant,
  orderId: refund.refund_no,
  origOrderId: order.order_no,
  cmbOrderId: refund.refund_id,
  txnAmt: String(order.amount_fen),
  refundAmt: String(refund.amount_fen),
});
