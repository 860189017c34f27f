import type { Method } from '@heliu/contract';
import { canonicalJson } from '../../../kernel/digest.ts';
import type { Gateway } from '../../kit/gateway/gateway.ts';
import { isCodeOrder, type NewOrder } from '../../kit/gateway/ledger.ts';
import { Problem } from '../../kit/gateway/problem.ts';
import type { Call } from '../../kit/gateway/wire.ts';
import type { Merchant, Order } from '../../kit/gateway/world.ts';
import type { Fields } from '../sign.ts';
import { order_unknown_code } from './door.ts';
import { paymentFields, refundFields, states } from './views.ts';

export type Result = { readonly biz: Readonly<Record<string, unknown>> } | { readonly failure: string };
type Name = Exclude<Call['name'], 'bill' | 'keys'>;
export type Calls = (path: string, merchant: Merchant, biz: Fields) => { readonly name: Name; readonly run: () => Result } | undefined;

/** The wallet that a payment code belongs to. */
const codes: readonly (readonly [prefix: RegExp, method: Method])[] = [
  [/^1[0-5]/, 'wechat_barcode'],
  [/^(2[5-9]|30)/, 'alipay_barcode'],
  [/^62/, 'unionpay_barcode'],
];

export function createCalls(gateway: Gateway): Calls {
  const { world, faults } = gateway;

  const routes: Readonly<Record<string, readonly [Name, (merchant: Merchant, biz: Fields) => Readonly<Record<string, unknown>>]>> = {
    qrcodeapply: ['pay', (merchant, biz) => ({ qrCode: place(merchant, biz, 'aggregate_qr', `https://qr.95516.com/03080000/${world.digits(20)}`).opens })],
    onlinepay: ['pay', (merchant, biz) => ({ payData: payData(place(merchant, biz, 'wechat_jsapi', undefined), required(biz, 'subOpenId')) })],
    cloudpay: ['pay', (merchant, biz) => ({ tn: place(merchant, biz, 'unionpay_app', world.digits(21)).opens })],
    pay: ['pay', charge],
    orderquery: ['query', query],
    close: ['close', (merchant, biz) => ({ closeState: states[gateway.ledger.close(orderOf(merchant, biz)).state] })],
    cancel: ['reverse', cancel],
    refund: ['refund', refund],
    refundquery: ['refund_query', refundQuery],
  };

  function newOrder(merchant: Merchant, biz: Fields, method: Method): NewOrder {
    const notify_url = biz.notifyUrl;
    const valid_s = Number(biz.payValidTime ?? biz.payTimeout ?? '900');
    required(biz, 'userId');
    return {
      merchant: merchant.no,
      order_no: required(biz, 'orderId'),
      method,
      subject: biz.body ?? '',
      amount_fen: amountOf(biz, 'txnAmt'),
      ...(notify_url === undefined ? {} : { notify_url }),
      parameters: canonicalJson({ ...biz, payValidTime: '', payTimeout: '' }),
      expires_ms: world.now_ms() + valid_s * 1000,
      own: {},
    };
  }

  const place = (merchant: Merchant, biz: Fields, method: Method, opens: string | undefined): Order =>
    gateway.ledger.place({ ...newOrder(merchant, biz, method), ...(opens === undefined ? {} : { opens }) });

  const payData = (order: Order, openid: string): Record<string, string> => ({
    appId: 'wx1234567890abcdef',
    timeStamp: String(Math.floor(world.now_ms() / 1000)),
    nonceStr: world.hex(32),
    package: `prepay_id=wx${order.order_no.slice(0, 20)}`,
    signType: 'RSA',
    paySign: `${openid}${world.hex(16)}`,
  });

  /** A code that is taken is charged; the outcome is asked for. */
  function charge(merchant: Merchant, biz: Fields) {
    const auth_code = required(biz, 'authCode');
    const method = codes.find(([prefix]) => prefix.test(auth_code))?.[1];
    if (!method) throw new Problem('code_invalid');
    const order = gateway.ledger.charge(newOrder(merchant, biz, method), auth_code);
    if (order.state === 'paid') gateway.paid(order);
    return { tradeState: states[order.state] };
  }

  function orderOf(merchant: Merchant, biz: Fields): Order {
    const order = gateway.ledger.find(`${merchant.no}/${required(biz, 'orderId')}`);
    if (!order) throw new Problem('order_unknown');
    return order;
  }

  function query(merchant: Merchant, biz: Fields) {
    const order = orderOf(merchant, biz);
    if (faults.take('query', ['not_found_lag'])) throw new Problem('order_unknown');
    const is_refunded = order.state === 'paid' && gateway.ledger.refundsOf(order).length > 0;
    return { ...paymentFields(order), tradeState: is_refunded ? 'R' : states[order.state] };
  }

  function cancel(merchant: Merchant, biz: Fields) {
    const order = orderOf(merchant, biz);
    if (!isCodeOrder(order)) throw new Problem('no_code_order');
    return { cancelState: states[gateway.ledger.reverse(order).state] };
  }

  function refund(merchant: Merchant, biz: Fields) {
    const order = gateway.ledger.find(`${merchant.no}/${required(biz, 'origOrderId')}`);
    if (!order) throw new Problem('order_unknown');
    const notify_url = biz.notifyUrl;
    const made = gateway.refund(order, {
      refund_no: required(biz, 'orderId'),
      amount_fen: amountOf(biz, 'refundAmt'),
      total_fen: amountOf(biz, 'txnAmt'),
      parameters: canonicalJson(biz),
      ...(notify_url === undefined ? {} : { notify_url }),
      own: {},
    });
    return refundFields(order, made);
  }

  function refundQuery(merchant: Merchant, biz: Fields) {
    const held = gateway.ledger.findRefund(merchant.no, required(biz, 'orderId'));
    const order = held && world.tables.order.get(held.order_id);
    if (!held || !order || faults.take('refund_query', ['not_found_lag'])) throw new Problem('refund_unknown');
    const now = gateway.look(held);
    return { ...refundFields(order, now), tradeState: { processing: 'P', succeeded: 'S', failed: 'F' }[now.state] };
  }

  return (path, merchant, biz) => {
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    return route && { name: route[0], run: () => answer(biz, () => route[1](merchant, biz)) };
  };
}

/** The gateway says its noes in codes that nobody has published. */
function answer(biz: Fields, run: () => Readonly<Record<string, unknown>>): Result {
  try {
    return { biz: { merId: biz.merId, orderId: biz.orderId, ...run() } };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const is_unknown = error.problem === 'order_unknown' || error.problem === 'refund_unknown';
    return { failure: is_unknown ? order_unknown_code : `SIMULATED_${error.problem.toUpperCase()}` };
  }
}

function required(biz: Fields, name: string): string {
  const value = biz[name];
  if (!value) throw new Problem('parameter', name);
  return value;
}

function amountOf(biz: Fields, name: string): number {
  const text = required(biz, name);
  if (!/^[1-9]\d{0,11}$/.test(text)) throw new Problem('parameter', name);
  return Number(text);
}
