import type { Method, Wallet } from '@heliu/contract';
import { canonicalJson } from '../../../kernel/digest.ts';
import { barcodeOf, type Gateway } from '../../kit/gateway/gateway.ts';
import { isCodeOrder, isPaid, type NewOrder } from '../../kit/gateway/ledger.ts';
import { Problem, type ProblemName } from '../../kit/gateway/problem.ts';
import type { Call } from '../../kit/gateway/wire.ts';
import type { Merchant, Order, Refund } from '../../kit/gateway/world.ts';
import { type Data, paymentData } from './views.ts';

export type Values = Readonly<Record<string, string>>;
/** What stands in `biz_response`. */
export type Result = Readonly<Record<string, unknown>>;
export type Calls = (path: string, terminal: Merchant, values: Values) => { readonly name: Call['name']; readonly run: () => Result } | undefined;

/** An order that waits for its payer is cancelled by the gateway after this. */
const order_ms_max = 240_000;
const qrs: Readonly<Record<string, Method>> = { 1: 'alipay_qr', 3: 'wechat_qr', 5: 'jd_qr', 6: 'qq_qr' };

export function createCalls(gateway: Gateway): Calls {
  const { world, faults } = gateway;

  const dataOf = (order: Order): Data => paymentData(order, gateway.ledger.refundable(order), lastRefund(order));

  function lastRefund(order: Order): Refund | undefined {
    return gateway.ledger
      .refundsOf(order)
      .filter(({ own }) => own.request_no !== undefined)
      .at(-1);
  }

  function newOrder(terminal: Merchant, values: Values, method: Method): NewOrder {
    const amount_fen = amountOf(values, 'total_amount');
    return {
      merchant: terminal.own.merchant_sn ?? '',
      order_no: textOf(values, 'client_sn', 32),
      method,
      subject: textOf(values, 'subject', 64),
      amount_fen,
      ...(values.notify_url === undefined ? {} : { notify_url: textOf(values, 'notify_url', 128) }),
      parameters: canonicalJson(values),
      expires_ms: world.now_ms() + order_ms_max,
      own: {
        sn: `7895${world.digits(12)}`,
        terminal_sn: terminal.no.slice('terminal '.length),
        operator: textOf(values, 'operator', 32),
        payway: values.payway ?? '3',
        sub_payway: values.sub_payway ?? '1',
      },
    };
  }

  /** A number is used once, by whatever order. */
  function demandNew({ merchant, order_no }: NewOrder): void {
    if (gateway.ledger.find(`${merchant}/${order_no}`)) throw new Problem('order_differs');
  }

  function pay(terminal: Merchant, values: Values): Result {
    const dynamic_id = textOf(values, 'dynamic_id', 32);
    const method = barcodeOf(walletOf(dynamic_id));
    if (method === undefined) throw new Problem('code_invalid');
    const wanted = newOrder(terminal, values, method);
    demandNew(wanted);
    try {
      const order = gateway.ledger.charge(wanted, dynamic_id);
      if (order.state === 'asking') return { result_code: 'PAY_IN_PROGRESS', data: dataOf(order) };
      gateway.paid(order);
      return { result_code: 'PAY_SUCCESS', data: dataOf(order) };
    } catch (error) {
      if (!(error instanceof Problem) || error.problem !== 'insufficient_funds') throw error;
      const order = gateway.ledger.demand(gateway.ledger.find(`${wanted.merchant}/${wanted.order_no}`));
      return { result_code: 'PAY_FAIL', error_code: 'INSUFFICIENT_FUND', error_message: '账户金额不足', data: dataOf(order) };
    }
  }

  function precreate(terminal: Merchant, values: Values): Result {
    const method = qrs[textOf(values, 'payway', 2)];
    if (method === undefined || (values.sub_payway ?? '2') !== '2') throw new Problem('parameter', 'payway');
    const wanted = newOrder(terminal, values, method);
    demandNew(wanted);
    const order = gateway.ledger.place({ ...wanted, opens: `https://qr.example/upay/${world.hex(12)}` });
    return { result_code: 'PRECREATE_SUCCESS', data: { ...dataOf(order), qr_code: order.opens ?? '' } };
  }

  function orderOf(terminal: Merchant, values: Values): Order {
    const { merchant_sn } = terminal.own;
    const order = gateway.ledger.find(`${merchant_sn}/${textOf(values, 'client_sn', 64)}`);
    if (!order) throw new Problem('order_unknown');
    return order;
  }

  function query(terminal: Merchant, values: Values): Result {
    const order = orderOf(terminal, values);
    if (faults.take('query', ['not_found_lag'])) throw new Problem('order_unknown');
    return { result_code: 'SUCCESS', data: dataOf(order) };
  }

  function refund(terminal: Merchant, values: Values): Result {
    const order = orderOf(terminal, values);
    const request_no = textOf(values, 'refund_request_no', 20);
    const amount_fen = amountOf(values, 'refund_amount');
    if (gateway.ledger.refundsOf(order).some(({ own, state }) => own.request_no === request_no && state === 'succeeded')) {
      return { result_code: 'FAIL', error_code: 'UPAY_REFUND_ORDER_NOOP', error_message: '无效操作，本次退款已经完成了' };
    }
    textOf(values, 'operator', 64);
    const made = gateway.refund(order, { refund_no: textOf(values, 'client_tsn', 32), amount_fen, parameters: String(amount_fen), own: { request_no } });
    if (made.state === 'failed') return { result_code: 'REFUND_FAIL', error_code: 'TRADE_FAILED', error_message: '交易失败', data: dataOf(order) };
    return { result_code: 'REFUND_SUCCESS', data: dataOf(order) };
  }

  function cancel(terminal: Merchant, values: Values): Result {
    const order = orderOf(terminal, values);
    if (order.state === 'reversed') return { result_code: 'FAIL', error_code: 'UPAY_CANCEL_ORDER_NOOP', error_message: '订单已经是撤单状态了' };
    if (order.state === 'failed' || order.state === 'closed' || gateway.ledger.refundsOf(order).length > 0) throw new Problem('order_closed');
    const was_paid = isPaid(order);
    const undone = isCodeOrder(order) || was_paid ? gateway.ledger.reverse(order) : gateway.ledger.change(order, { state: 'reversed' });
    return { result_code: was_paid ? 'CANCEL_SUCCESS' : 'CANCEL_ABORT_SUCCESS', data: dataOf(undone) };
  }

  const routes: Readonly<Record<string, readonly [Call['name'], (terminal: Merchant, values: Values) => Result]>> = {
    '/upay/v2/pay': ['pay', pay],
    '/upay/v2/precreate': ['pay', precreate],
    '/upay/v2/query': ['query', query],
    '/upay/v2/refund': ['refund', refund],
    '/upay/v2/cancel': ['reverse', cancel],
    '/upay/v2/revoke': ['reverse', cancel],
  };

  return (path, terminal, values) => {
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (!route) return undefined;
    return { name: nameOf(route[0], terminal, values), run: () => answer(() => route[1](terminal, values)) };
  };

  /** A question about an order that has been refunded is what this gateway has as a question about a refund. */
  function nameOf(name: Call['name'], terminal: Merchant, { client_sn }: Values): Call['name'] {
    if (name !== 'query') return name;
    const order = gateway.ledger.find(`${terminal.own.merchant_sn}/${client_sn}`);
    return order && lastRefund(order) ? 'refund_query' : 'query';
  }
}

/** A request that is not well formed is no work: the door says so. */
function answer(run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof Problem) || error.problem === 'parameter') throw error;
    return { result_code: 'FAIL', error_code: codes[error.problem] ?? 'TRADE_FAILED', error_message: error.message };
  }
}

const codes: Partial<Record<ProblemName, string>> = {
  order_unknown: 'UPAY_ORDER_NOT_EXISTS',
  order_differs: 'CLIENT_SN_CONFLICT',
  order_paid: 'CLIENT_SN_CONFLICT',
  order_reversed: 'CLIENT_SN_CONFLICT',
  order_under_way: 'CLIENT_SN_CONFLICT',
  order_closed: 'UPAY_CANCEL_INVALID_ORDER_STATE',
  too_late: 'UPAY_CANCEL_INVALID_ORDER_STATE',
  code_invalid: 'INVALID_BARCODE',
  code_expired: 'EXPIRED_BARCODE',
  order_not_paid: 'UPAY_REFUND_INVALID_ORDER_STATE',
  refund_exceeds: 'REFUNDABLE_AMOUNT_NOT_ENOUGH',
};

function walletOf(code: string): Wallet {
  if (/^1[0-5]/.test(code)) return 'wechat';
  if (/^(?:2[5-9]|30)/.test(code)) return 'alipay';
  if (code.startsWith('62')) return 'unionpay';
  if (code.startsWith('91')) return 'qq';
  return code.startsWith('51') ? 'bestpay' : 'jd';
}

function textOf(values: Values, name: string, length_max: number): string {
  const value = values[name];
  if (value === undefined || value === '' || value.length > length_max) throw new Problem('parameter', name);
  return value;
}

function amountOf(values: Values, name: string): number {
  const text = textOf(values, name, 10);
  if (!/^[1-9]\d*$/.test(text)) throw new Problem('parameter', name);
  return Number(text);
}
