import { createHash } from 'node:crypto';
import { bizDate } from '../../../kernel/time.ts';
import type { ActResult, PayerAct } from '../../kit/simulator.ts';
import { GatewayError } from './gateway-error.ts';
import { type Order, type OrderState, orderId, type PaymentCode, type Refund, type RefundState, refundsByNumber, refundsOf, type World } from './world.ts';

/** Orders and refunds as the gateway keeps them, whichever interface they came through. */

const hour_ms = 3_600_000;
const day_ms = 24 * hour_ms;

/** The order as it is now: time alone closes it. */
export function findOrder(world: World, id: string): Order | undefined {
  const order = world.tables.order.get(id);
  if (order?.state !== 'NOTPAY' || order.trade_type === 'MICROPAY' || world.now_ms() < order.expires_ms) return order;
  return change(world, order, { state: 'CLOSED' });
}

export const findByTransaction = (world: World, transaction_id: string): Order | undefined =>
  world.tables.order.get(world.index.transactions.get(transaction_id) ?? '');

function change(world: World, order: Order, changes: Partial<Order>): Order {
  const changed = { ...order, ...changes };
  world.put('order', changed);
  return changed;
}

export type NewOrder = Omit<Order, 'id' | 'state' | 'created_ms' | 'prepay'>;

/** Takes an order, or gives the same one again for the same parameters; a repeat may need a fresh prepay id. */
export function placeOrder(world: World, wanted: NewOrder): Order {
  const id = orderId(wanted.mchid, wanted.sub_mchid, wanted.out_trade_no);
  const known = findOrder(world, id);
  if (!known) return change(world, { ...wanted, id, state: 'NOTPAY', created_ms: world.now_ms() }, { prepay: newPrepay(world) });
  if (known.state === 'SUCCESS' || known.state === 'REFUND') throw new GatewayError('ORDER_PAID');
  if (known.state !== 'NOTPAY') throw new GatewayError('ORDER_CLOSED');
  if (known.parameters !== wanted.parameters || known.trade_type !== wanted.trade_type) throw new GatewayError('OUT_TRADE_NO_USED');
  return isPrepayFresh(world, known) ? known : change(world, known, { prepay: newPrepay(world) });
}

function newPrepay(world: World): NonNullable<Order['prepay']> {
  const time = bizDate(world.ports.clock.now()).replaceAll('-', '').slice(2);
  return { id: `wx${time}${world.digits(6)}${world.hex(18)}0000`, pr: world.hex(9), made_ms: world.now_ms() };
}

/** A prepay id and a code_url live two hours; an h5_url five minutes. */
function isPrepayFresh(world: World, { prepay, trade_type }: Order): boolean {
  const life_ms = trade_type === 'MWEB' ? 5 * 60_000 : 2 * hour_ms;
  return prepay !== undefined && world.now_ms() - prepay.made_ms < life_ms;
}

/** Closing a closed order is fine; a paid one cannot be closed. */
export function closeOrder(world: World, order: Order): Order {
  if (order.state === 'CLOSED' || order.state === 'REVOKED') return order;
  if (order.state === 'NOTPAY' && order.trade_type !== 'MICROPAY') return change(world, order, { state: 'CLOSED' });
  if (order.trade_type === 'MICROPAY' && !isPaid(order)) throw new GatewayError('INVALID_REQUEST', '付款码支付订单请使用撤销接口');
  throw new GatewayError('ORDER_PAID');
}

export const isPaid = ({ transaction_id }: Order): boolean => transaction_id !== undefined;

/** The order as a query still shows it whose data has not heard of the payment. */
export function beforePayment(order: Order): Order {
  if (order.state !== 'SUCCESS') return order;
  const { transaction_id: _number, paid_ms: _time, ...unpaid } = order;
  return { ...unpaid, state: order.trade_type === 'MICROPAY' ? 'USERPAYING' : 'NOTPAY' };
}

/** What the payer may do, and why not. */
export function actOn(world: World, order: Order, act: PayerAct): { readonly result: ActResult; readonly paid: Order | undefined } {
  const refuse = (problem: string) => ({ result: { done: false, problem } as const, paid: undefined });
  if (isPaid(order)) return refuse('该订单已支付');
  if (act.do === 'decline') return decline(world, order);
  const late = act.late === true;
  if (order.state === 'PAYERROR' || order.state === 'REVOKED') return refuse('支付请求已失效，请重新发起支付');
  if (order.state === 'CLOSED' && !late) return refuse('该订单已关闭');
  if (order.trade_type !== 'MICROPAY' && !late && !isPrepayFresh(world, order)) return refuse('支付请求已失效，请重新发起支付');
  return { result: { done: true }, paid: pay(world, order) };
}

/** A declined password ends a payment-code order; any other order stays open, and the payer may come back. */
function decline(world: World, order: Order): { readonly result: ActResult; readonly paid: undefined } {
  if (order.state === 'USERPAYING') change(world, order, { state: 'PAYERROR' });
  return { result: { done: true }, paid: undefined };
}

/** The money moves. */
export function pay(world: World, order: Order): Order {
  const date = bizDate(world.ports.clock.now()).replaceAll('-', '');
  return change(world, order, { state: 'SUCCESS', transaction_id: `4200${world.digits(6)}${date}${world.digits(10)}`, paid_ms: world.now_ms() });
}

export type Charge = { readonly order: NewOrder; readonly auth_code: string };

/** Charges a payment code. The code decides what happens, as the payer's wallet would. */
export function charge(world: World, { order: wanted, auth_code }: Charge): Order {
  const id = orderId(wanted.mchid, wanted.sub_mchid, wanted.out_trade_no);
  const known = findOrder(world, id);
  if (known) throw new GatewayError(codeOfKnown(known, wanted));
  const code = takeCode(world, auth_code);
  const order = change(world, { ...wanted, id, state: 'NOTPAY', created_ms: world.now_ms() }, {});
  if (code.behaviour === 'pays') return pay(world, order);
  if (code.behaviour === 'asks_password') return change(world, order, { state: 'USERPAYING' });
  change(world, order, { state: 'PAYERROR' });
  throw new GatewayError('NOTENOUGH');
}

function codeOfKnown(known: Order, wanted: NewOrder) {
  if (known.parameters !== wanted.parameters) return 'OUT_TRADE_NO_USED';
  const codes: Partial<Record<OrderState, 'ORDERPAID' | 'ORDERREVERSED' | 'ORDERCLOSED' | 'USERPAYING'>> = {
    SUCCESS: 'ORDERPAID',
    REFUND: 'ORDERPAID',
    REVOKED: 'ORDERREVERSED',
    CLOSED: 'ORDERCLOSED',
    USERPAYING: 'USERPAYING',
  };
  return codes[known.state] ?? 'OUT_TRADE_NO_USED';
}

/** A code is shown for a minute and charged once. */
function takeCode(world: World, auth_code: string): PaymentCode {
  const code = world.tables.payment_code.get(auth_code);
  if (!code || code.used) throw new GatewayError('AUTH_CODE_INVALID');
  if (code.behaviour === 'expired' || world.now_ms() - code.issued_ms > 60_000) throw new GatewayError('AUTHCODEEXPIRE');
  world.put('payment_code', { ...code, used: true });
  return code;
}

/** Undoes a payment-code order: money that was paid goes back at once. */
export function reverse(world: World, order: Order): Order {
  if (order.trade_type !== 'MICROPAY') throw new GatewayError('TRADE_ERROR', '该订单不是付款码支付订单，不能撤销');
  if (order.state === 'REVOKED') return order;
  if (world.now_ms() - order.created_ms > 7 * day_ms) throw new GatewayError('REVERSE_EXPIRE');
  if (isPaid(order)) returnAll(world, order);
  return change(world, order, { state: 'REVOKED' });
}

function returnAll(world: World, order: Order): void {
  const amount = refundable(world, order);
  if (amount === 0) return;
  const now_ms = world.now_ms();
  const out_refund_no = `REVOKED${order.out_trade_no}`.slice(0, 64);
  const fields = { order_id: order.id, out_refund_no, form: order.form, amount, parameters: '', state: 'SUCCESS', becomes: 'SUCCESS' } as const;
  world.put('refund', { refund_id: newRefundId(world), ...fields, created_ms: now_ms, settles_ms: now_ms, settled_ms: now_ms });
}

const newRefundId = (world: World): string => `50300${world.digits(6)}${bizDate(world.ports.clock.now()).replaceAll('-', '')}${world.digits(10)}`;

/** What is left of an order after refunds that have not failed. */
export function refundable(world: World, order: Order): number {
  const taken = refundsOf(world, order.id).filter(({ state }) => state !== 'CLOSED');
  return order.total - taken.reduce((sum, refund) => sum + refund.amount, 0);
}

export type NewRefund = Pick<Refund, 'out_refund_no' | 'form' | 'amount' | 'parameters'> &
  Pick<Partial<Refund>, 'reason' | 'notify_url'> & { readonly total: number };

const refunds_per_order_max = 50;

/** Accepts a refund, or gives the one that this number already has. */
export function placeRefund(world: World, order: Order, wanted: NewRefund, becomes: RefundState): Refund {
  const earlier = refundsOf(world, order.id);
  const known = findRefund(world, order.mchid, order.sub_mchid, wanted.out_refund_no);
  if (known) {
    if (known.parameters === wanted.parameters) return known;
    throw new GatewayError('INVALID_REQUEST', '订单金额或退款金额与之前请求不一致，请核实后再试');
  }
  if (!isPaid(order) || order.state === 'REVOKED') throw new GatewayError('RESOURCE_NOT_EXISTS', '订单不存在');
  if (wanted.total !== order.total) throw new GatewayError('INVALID_REQUEST', '您的请求参数与订单信息不一致');
  if (world.now_ms() - (order.paid_ms ?? 0) > 365 * day_ms) throw new GatewayError('TRADE_OVERDUE');
  if (wanted.amount > refundable(world, order)) throw new GatewayError('INVALID_REQUEST', '申请退款金额超过订单可退金额');
  if (earlier.length >= refunds_per_order_max) throw new GatewayError('INVALID_REQUEST', '该订单退款次数超过限制');
  const spacing_ms = world.options.refund_spacing ? 60_000 / world.ports.time_scale : 0;
  if (earlier.some(({ created_ms }) => world.now_ms() - created_ms < spacing_ms))
    throw new GatewayError('FREQUENCY_LIMITED', '同一笔订单的退款间隔需大于1分钟');
  const { total: _total, ...fields } = wanted;
  const created_ms = world.now_ms();
  const refund: Refund = {
    refund_id: newRefundId(world),
    order_id: order.id,
    ...fields,
    state: 'PROCESSING',
    becomes,
    created_ms,
    settles_ms: created_ms + settleDelay_ms(world),
  };
  world.put('refund', refund);
  change(world, order, { state: 'REFUND' });
  return refund;
}

/** A wallet refund takes a few seconds. */
export const settleDelay_ms = (world: World): number => 5_000 / world.ports.time_scale;

/** The refund as it is now. `settled` is true for the one look that finds it done. */
export function settleRefund(world: World, refund: Refund): { readonly refund: Refund; readonly settled: boolean } {
  const due = refund.state === 'PROCESSING' && world.now_ms() >= refund.settles_ms;
  if (!due) return { refund, settled: false };
  const done = { ...refund, state: refund.becomes, settled_ms: world.now_ms() };
  world.put('refund', done);
  return { refund: done, settled: true };
}

export function findRefund(world: World, mchid: string, sub_mchid: string | undefined, out_refund_no: string): Refund | undefined {
  return refundsByNumber(world, out_refund_no).find(({ order_id }) => order_id.startsWith(`${sub_mchid ?? mchid}/`));
}

/** The payer: the openid that the order names, or one that is always the same for an application. */
export const openidOf = (appid: string, given: string | undefined): string =>
  given ?? `o${createHash('sha256').update(appid).digest('base64url').slice(0, 27)}`;

export const state_texts: Record<OrderState, string> = {
  NOTPAY: '订单未支付',
  USERPAYING: '用户支付中，需要输入密码',
  SUCCESS: '支付成功',
  REFUND: '订单发生过退款，退款详情请查询退款单',
  CLOSED: '订单已关闭',
  REVOKED: '订单已撤销',
  PAYERROR: '支付失败',
};
