import { newNo } from './order.ts';

const kept_as = 'heliu-pos-refunds';
/** More refunds than this are never without an answer at one till. */
const kept_max = 20;

const kept = (): Record<string, string> => JSON.parse(localStorage.getItem(kept_as) ?? '{}') as Record<string, string>;

/**
 * The number under which an order is refunded: the same until the server has answered, also after a reload, so that a
 * refund whose answer was lost is not made twice.
 */
export function refundNoOf(order_no: string): string {
  const numbers = kept();
  const refund_no = numbers[order_no] ?? newNo();
  const others = Object.entries(numbers).filter(([other]) => other !== order_no);
  localStorage.setItem(kept_as, JSON.stringify(Object.fromEntries([...others, [order_no, refund_no]].slice(-kept_max))));
  return refund_no;
}

/** The refund was made: the next one of this order is another. */
export function forgetRefundNo(order_no: string): void {
  const { [order_no]: _made, ...others } = kept();
  localStorage.setItem(kept_as, JSON.stringify(others));
}
