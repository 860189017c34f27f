import {
  type CreatePaymentBody,
  closePaymentByOrderNo,
  createPayment,
  createRefundByOrderNo,
  type ErrorCode,
  listRefunds,
  type Method,
  methods,
  type RefundByOrderNoBody,
} from '@heliu/contract';
import { Check } from 'typebox/value';
import { canonicalJson } from '../../../kernel/digest.ts';
import type { Gateway } from '../../kit/gateway/gateway.ts';
import { isCodeOrder, type NewOrder } from '../../kit/gateway/ledger.ts';
import { Problem, type ProblemName } from '../../kit/gateway/problem.ts';
import type { Call } from '../../kit/gateway/wire.ts';
import { type Merchant, type Order, orderId } from '../../kit/gateway/world.ts';
import { inContract, paymentView, refundView } from './views.ts';

/** The operations of the contract that a merchant pays with, and no others. */

export type Result = { readonly status: 200 | 201; readonly body: unknown } | { readonly error: ErrorCode };
export type Asked = { readonly method: string; readonly path: string; readonly query: string; readonly body: unknown };
export type Calls = (merchant: Merchant, asked: Asked) => { readonly name: Call['name']; readonly run: () => Result } | undefined;

/** A payment code of another wallet is refused at the door, as the contract says. */
const prefixes: readonly (readonly [prefix: RegExp, method: Method])[] = [
  [/^1[0-5]\d{16}$/, 'wechat_barcode'],
  [/^(2[5-9]|30)\d{14,22}$/, 'alipay_barcode'],
  [/^62\d{17,18}$/, 'unionpay_barcode'],
  [/^51\d{16}$/, 'bestpay_barcode'],
  [/^01\d{14,22}$/, 'ecny_barcode'],
];

export function createCalls(gateway: Gateway): Calls {
  const { world, faults } = gateway;

  function create(merchant: Merchant, { body }: Asked): Result {
    if (!Check(createPayment.body, body)) return { error: 'parameter_invalid' };
    const { merchant_order_no: order_no, method, auth_code } = body;
    if (!Object.hasOwn(methods, method)) return { error: 'parameter_invalid' };
    const is_code = methods[method as Method].scene === 'barcode';
    if (is_code && auth_code === undefined) return { error: 'parameter_missing' };
    if (is_code && prefixes.find(([prefix]) => prefix.test(auth_code ?? ''))?.[1] !== method) return { error: 'payment_code_unknown' };
    const known = gateway.ledger.find(orderId(merchant.no, order_no));
    if (known && known.parameters !== canonicalJson(body)) return { error: 'merchant_order_no_taken' };
    const order = known ?? (is_code ? charge(newOrder(merchant, body), auth_code ?? '') : gateway.ledger.place(newOrder(merchant, body)));
    return { status: createPayment.status, body: paymentView(gateway, order) };
  }

  function newOrder(merchant: Merchant, body: CreatePaymentBody): NewOrder {
    const { endpoint } = merchant.own;
    const own = { payment_id: `pay_${world.digits(26)}`, attempt_id: `att_${world.digits(26)}`, account_id: `acc_${world.digits(26)}` };
    return {
      merchant: merchant.no,
      order_no: body.merchant_order_no,
      method: body.method as Method,
      subject: body.subject,
      amount_fen: body.amount_fen,
      ...(endpoint === undefined ? {} : { notify_url: endpoint }),
      parameters: canonicalJson(body),
      expires_ms: world.now_ms() + (body.expires_in_s ?? 7200) * 1000,
      opens: `${world.ports.base_url}/pay/${world.hex(24)}`,
      own,
    };
  }

  /** A payment is made before its code is charged, so a refusal leaves one with a refused attempt. */
  function charge(wanted: NewOrder, auth_code: string): Order {
    try {
      const order = gateway.ledger.charge(wanted, auth_code);
      if (order.state === 'paid') gateway.paid(order);
      return order;
    } catch (error) {
      const reason = error instanceof Problem ? refusals[error.problem] : undefined;
      if (reason === undefined) throw error;
      const id = orderId(wanted.merchant, wanted.order_no);
      return gateway.ledger.change({ ...wanted, id, state: 'failed', created_ms: world.now_ms() }, { own: { ...wanted.own, refusal: reason } });
    }
  }

  function orderOf(merchant: Merchant, order_no: string): Order {
    const order = gateway.ledger.find(orderId(merchant.no, order_no));
    if (!order) throw new Problem('order_unknown');
    return order;
  }

  const shown = (order: Order): Result => ({ status: 200, body: paymentView(gateway, order) });

  function retrieve(merchant: Merchant, order_no: string): Result {
    const order = orderOf(merchant, order_no);
    if (faults.take('query', ['not_found_lag'])) throw new Problem('order_unknown');
    return shown(order);
  }

  function close(merchant: Merchant, order_no: string): Result {
    const order = orderOf(merchant, order_no);
    return shown(ended(isCodeOrder(order) && order.state !== 'paid' ? gateway.ledger.reverse(order) : gateway.ledger.close(order)));
  }

  function cancel(merchant: Merchant, order_no: string): Result {
    const order = orderOf(merchant, order_no);
    return shown(ended(order.state === 'paid' || isCodeOrder(order) ? gateway.ledger.reverse(order) : gateway.ledger.close(order)));
  }

  const ended = (order: Order): Order => gateway.ledger.change(order, { own: { ...order.own, cancelled: 'yes' } });

  function refund(merchant: Merchant, order_no: string, body: unknown): Result {
    if (!Check(createRefundByOrderNo.body, body)) return { error: 'parameter_invalid' };
    const { merchant_refund_no: refund_no, amount_fen, reason }: RefundByOrderNoBody = body;
    const order = orderOf(merchant, order_no);
    const { endpoint } = merchant.own;
    const parameters = canonicalJson({ order_no, ...body });
    const own = reason === undefined ? {} : { reason };
    const made = gateway.refund(order, { refund_no, amount_fen, parameters, own, ...(endpoint === undefined ? {} : { notify_url: endpoint }) });
    return { status: createRefundByOrderNo.status, body: refundView(order, made) };
  }

  function refunds(merchant: Merchant, query: string): Result {
    const asked = Object.fromEntries(new URLSearchParams(query));
    const { limit, ...rest } = asked;
    if (!Check(listRefunds.query, { ...rest, ...(limit === undefined ? {} : { limit: Number(limit) }) })) return { error: 'parameter_invalid' };
    const held = gateway.ledger.findRefund(merchant.no, asked.merchant_refund_no ?? '');
    const order = world.tables.order.get(held?.order_id ?? '');
    const data = held && order ? [refundView(order, gateway.look(held))] : [];
    return { status: listRefunds.status, body: inContract(listRefunds.response, { data, next_cursor: null }) };
  }

  return (merchant, asked) => {
    const call = (name: Call['name'], run: () => Result) => ({ name, run: () => answered(run) });
    const { method, path, query, body } = asked;
    if (method === 'POST' && path === createPayment.path) return call('pay', () => create(merchant, asked));
    if (method === 'GET' && path === listRefunds.path) return call('refund_query', () => refunds(merchant, query));
    const [, order_no = '', what] = /^\/v1\/payments\/by-order-no\/([^/]+)(?:\/(close|cancel|refunds))?$/.exec(path) ?? [];
    if (!Check(closePaymentByOrderNo.params, { merchant_order_no: order_no })) return undefined;
    if (method === 'GET' && what === undefined) return call('query', () => retrieve(merchant, order_no));
    if (method !== 'POST') return undefined;
    if (what === 'close') return call('close', () => close(merchant, order_no));
    if (what === 'cancel') return call('reverse', () => cancel(merchant, order_no));
    return what === 'refunds' ? call('refund', () => refund(merchant, order_no, body)) : undefined;
  };
}

const refusals: Partial<Record<ProblemName, string>> = {
  code_invalid: 'payment_code_invalid',
  code_expired: 'payment_code_expired',
  insufficient_funds: 'insufficient_funds',
};

const problems: Partial<Record<ProblemName, ErrorCode>> = {
  order_unknown: 'payment_not_found',
  order_paid: 'payment_already_paid',
  too_late: 'payment_not_cancellable',
  order_not_paid: 'payment_not_paid',
  refund_differs: 'merchant_refund_no_taken',
  refund_exceeds: 'refund_exceeds_paid',
};

function answered(run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    const code = error instanceof Problem ? problems[error.problem] : undefined;
    if (code === undefined) throw error;
    return { error: code };
  }
}
