import { methods } from '@heliu/contract';
import type { ActResult, PayerAct } from '../simulator.ts';
import { Problem } from './problem.ts';
import { type Order, orderId, type PaymentCode, type Refund, type RefundState, type World } from './world.ts';

/** Orders and refunds as a simulated gateway keeps them, whatever its dialect. */

const day_ms = 86_400_000;

export type Rules = {
  /** The gateway's number of a payment, and of a refund. */
  readonly newTransactionId: (world: World, order: Order) => string;
  readonly newRefundId: (world: World, order: Order) => string;
  /** From a refund that is accepted to money that is back; 0 where the answer is the end of it. */
  readonly refund_settles_ms: number;
  readonly refund_days_max: number;
  /** Is a payment-code order that waits for its payer ended by time alone? */
  readonly reverse_days_max: number;
};

export type Ledger = ReturnType<typeof createLedger>;

export type NewOrder = Omit<Order, 'id' | 'state' | 'created_ms'>;
export type NewRefund = Pick<Refund, 'refund_no' | 'amount_fen' | 'parameters' | 'own'> & Pick<Partial<Refund>, 'notify_url'> & { readonly total_fen?: number };

export const isCodeOrder = ({ method }: Order): boolean => methods[method].scene === 'barcode';
export const isPaid = ({ transaction_id }: Order): boolean => transaction_id !== undefined;

export function createLedger(world: World, rules: Rules) {
  function change(order: Order, changes: Partial<Order>): Order {
    const changed = { ...order, ...changes };
    world.put('order', changed);
    return changed;
  }

  /** The order as it is now: time alone closes it. */
  function find(id: string): Order | undefined {
    const order = world.tables.order.get(id);
    if (order?.state !== 'open' || isCodeOrder(order) || world.now_ms() < order.expires_ms) return order;
    return change(order, { state: 'closed' });
  }

  function demand(order: Order | undefined): Order {
    if (!order) throw new Problem('order_unknown');
    return order;
  }

  const byTransaction = (transaction_id: string): Order | undefined => find(world.index.transactions.get(transaction_id) ?? '');

  /** Takes an order, or gives the same one again for the same parameters. */
  function place(wanted: NewOrder): Order {
    const known = find(orderId(wanted.merchant, wanted.order_no));
    if (!known) return change({ ...wanted, id: orderId(wanted.merchant, wanted.order_no), state: 'open', created_ms: world.now_ms() }, {});
    if (isPaid(known)) throw new Problem('order_paid');
    if (known.state !== 'open') throw new Problem('order_closed');
    if (known.parameters !== wanted.parameters) throw new Problem('order_differs');
    return known;
  }

  /** The money moves. */
  const pay = (order: Order): Order => change(order, { state: 'paid', transaction_id: rules.newTransactionId(world, order), paid_ms: world.now_ms() });

  /** Charges a payment code: it decides what happens, as the payer's wallet would. */
  function charge(wanted: NewOrder, auth_code: string): Order {
    const known = find(orderId(wanted.merchant, wanted.order_no));
    if (known) throw new Problem(known.parameters === wanted.parameters ? problemOfKnown(known) : 'order_differs');
    const code = takeCode(world, auth_code);
    const order = change({ ...wanted, id: orderId(wanted.merchant, wanted.order_no), state: 'open', created_ms: world.now_ms() }, {});
    if (code.behaviour === 'pays') return pay(order);
    if (code.behaviour === 'asks_password') return change(order, { state: 'asking' });
    change(order, { state: 'failed' });
    throw new Problem('insufficient_funds');
  }

  /** Closing a closed order is fine; a paid one cannot be closed. */
  function close(order: Order): Order {
    if (order.state === 'closed' || order.state === 'reversed') return order;
    if (isPaid(order)) throw new Problem('order_paid');
    if (isCodeOrder(order)) throw new Problem('code_order');
    return change(order, { state: 'closed' });
  }

  /** Undoes an order: money that was paid goes back at once. */
  function reverse(order: Order): Order {
    if (order.state === 'reversed') return order;
    if (world.now_ms() - order.created_ms > rules.reverse_days_max * day_ms) throw new Problem('too_late');
    if (isPaid(order)) returnAll(order);
    return change(order, { state: 'reversed' });
  }

  function returnAll(order: Order): void {
    const amount_fen = refundable(order);
    if (amount_fen === 0) return;
    const now_ms = world.now_ms();
    const refund_no = `REVERSE${order.order_no}`;
    const times = { created_ms: now_ms, settles_ms: now_ms, settled_ms: now_ms };
    const fields = { order_id: order.id, refund_no, amount_fen, parameters: '', state: 'succeeded', becomes: 'succeeded', own: {} } as const;
    world.put('refund', { id: `${order.merchant}/${refund_no}`, refund_id: rules.newRefundId(world, order), ...fields, ...times });
  }

  /** What the payer may do, and why not. */
  function act(order: Order, { do: what, ...how }: PayerAct): { readonly result: ActResult; readonly paid?: Order } {
    const refuse = (problem: string) => ({ result: { done: false, problem } as const });
    if (isPaid(order)) return refuse('该订单已支付');
    if (what === 'decline') {
      if (order.state === 'asking') change(order, { state: 'failed' });
      return { result: { done: true } };
    }
    if (order.state === 'failed' || order.state === 'reversed') return refuse('支付请求已失效，请重新发起支付');
    if (order.state === 'closed' && !('late' in how && how.late === true)) return refuse('该订单已关闭');
    return { result: { done: true }, paid: pay(order) };
  }

  const refundsOf = (order: Order): readonly Refund[] => [...(world.index.refunds.get(order.id) ?? [])].flatMap((id) => world.tables.refund.get(id) ?? []);

  /** What is left of an order after refunds that have not failed. */
  const refundable = (order: Order): number =>
    order.amount_fen -
    refundsOf(order)
      .filter(({ state }) => state !== 'failed')
      .reduce((sum, { amount_fen }) => sum + amount_fen, 0);

  const findRefund = (merchant: string, refund_no: string): Refund | undefined => world.tables.refund.get(`${merchant}/${refund_no}`);

  /** Accepts a refund, or gives the one that this number already has. */
  function refund(order: Order, { total_fen, ...wanted }: NewRefund, becomes: RefundState = 'succeeded'): Refund {
    const known = findRefund(order.merchant, wanted.refund_no);
    if (known) {
      if (known.parameters === wanted.parameters) return known;
      throw new Problem('refund_differs');
    }
    if (!isPaid(order) || order.state === 'reversed') throw new Problem('order_not_paid');
    if (total_fen !== undefined && total_fen !== order.amount_fen) throw new Problem('refund_differs');
    if (world.now_ms() - (order.paid_ms ?? 0) > rules.refund_days_max * day_ms) throw new Problem('too_late');
    if (wanted.amount_fen > refundable(order)) throw new Problem('refund_exceeds');
    const created_ms = world.now_ms();
    const settles_ms = created_ms + rules.refund_settles_ms / world.ports.time_scale;
    const named = { id: `${order.merchant}/${wanted.refund_no}`, order_id: order.id, refund_id: rules.newRefundId(world, order) };
    const made: Refund = { ...named, ...wanted, state: 'processing', becomes, created_ms, settles_ms };
    world.put('refund', made);
    return settle(made).refund;
  }

  /** The refund as it is now. `settled` is true for the one look that finds it done. */
  function settle(held: Refund): { readonly refund: Refund; readonly settled: boolean } {
    if (held.state !== 'processing' || world.now_ms() < held.settles_ms) return { refund: held, settled: false };
    const done = { ...held, state: held.becomes, settled_ms: world.now_ms() };
    world.put('refund', done);
    return { refund: done, settled: true };
  }

  return { change, find, demand, byTransaction, place, pay, charge, close, reverse, act, refundsOf, refundable, findRefund, refund, settle };
}

function problemOfKnown({ state }: Order): 'order_paid' | 'order_reversed' | 'order_under_way' | 'order_closed' {
  const problems = { paid: 'order_paid', reversed: 'order_reversed', asking: 'order_under_way', open: 'order_under_way' } as const;
  return state === 'closed' || state === 'failed' ? 'order_closed' : problems[state];
}

/** A code is shown for a minute and charged once. */
function takeCode(world: World, auth_code: string): PaymentCode {
  const code = world.tables.payment_code.get(auth_code);
  if (!code || code.used) throw new Problem('code_invalid');
  if (code.behaviour === 'expired' || world.now_ms() - code.issued_ms > 60_000) throw new Problem('code_expired');
  world.put('payment_code', { ...code, used: true });
  return code;
}
