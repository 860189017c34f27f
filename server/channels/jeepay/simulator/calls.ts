import type { Method } from '@heliu/contract';
import { canonicalJson } from '../../../kernel/digest.ts';
import type { Gateway } from '../../kit/gateway/gateway.ts';
import { Problem, type ProblemName } from '../../kit/gateway/problem.ts';
import type { Call } from '../../kit/gateway/wire.ts';
import type { Merchant, Order } from '../../kit/gateway/world.ts';
import { type Data, orderData, refundData } from './views.ts';

type Values = Readonly<Record<string, unknown>>;
export type Result = { readonly data: Data } | { readonly code: number; readonly msg: string };
export type Calls = (path: string, merchant: Merchant, values: Values) => (Pick<Call, 'name' | 'names'> & { readonly run: () => Result }) | undefined;

const ways: Readonly<Record<string, Method>> = {
  WX_NATIVE: 'wechat_qr',
  WX_JSAPI: 'wechat_jsapi',
  WX_LITE: 'wechat_mini',
  WX_H5: 'wechat_h5',
  ALI_QR: 'alipay_qr',
  ALI_JSAPI: 'alipay_jsapi',
  ALI_WAP: 'alipay_wap',
  ALI_PC: 'alipay_page',
  QR_CASHIER: 'aggregate_qr',
};

export function createCalls(gateway: Gateway): Calls {
  const { world, faults } = gateway;

  function unifiedOrder(merchant: Merchant, values: Values): Data {
    const way = textOf(values, 'wayCode', 32);
    const method = ways[way];
    if (method === undefined) throw new Problem('parameter', '商户应用不支持该支付方式');
    const order_no = textOf(values, 'mchOrderNo', 30);
    if (gateway.ledger.find(`${merchant.no}/${order_no}`)) throw new Problem('order_differs', `商户订单[${order_no}]已存在`);
    const extra = JSON.parse(textOf(values, 'channelExtra', 512)) as Record<string, string>;
    const pay_order_id = `P${world.digits(19)}`;
    const subject = textOf(values, 'subject', 64);
    const order = gateway.ledger.place({
      merchant: merchant.no,
      order_no,
      method,
      subject,
      amount_fen: amountOf(values, 'amount'),
      ...(values.notifyUrl === undefined ? {} : { notify_url: textOf(values, 'notifyUrl', 128) }),
      parameters: canonicalJson(values),
      expires_ms: world.now_ms() + Number(values.expiredTime ?? 7200) * 1000,
      opens: `${world.ports.base_url}/cashier/${pay_order_id}`,
      own: { way, pay_order_id, client_ip: String(values.clientIp ?? '') },
    });
    return { payOrderId: pay_order_id, mchOrderNo: order_no, orderState: 1, ...payData(order, extra), errCode: null, errMsg: null };
  }

  function payData({ method, opens = '' }: Order, extra: Readonly<Record<string, string>>): Data {
    if (method === 'wechat_jsapi' || method === 'wechat_mini') {
      if (!extra.openid) throw new Problem('parameter', '[openid]不可为空');
      const params = {
        appId: `wx${world.hex(16)}`,
        timeStamp: String(Math.floor(world.now_ms() / 1000)),
        nonceStr: world.hex(16),
        package: `prepay_id=wx${world.hex(30)}`,
        signType: 'RSA',
        paySign: world.hex(64),
      };
      return { payDataType: 'wxapp', payData: JSON.stringify(params) };
    }
    if (method === 'alipay_jsapi') {
      if (!extra.buyerUserId) throw new Problem('parameter', '[buyerUserId]不可为空');
      return { payDataType: 'aliapp', payData: JSON.stringify({ alipayTradeNo: `${world.today()}22001${world.digits(11)}` }) };
    }
    return { payDataType: extra.payDataType ?? 'payurl', payData: opens };
  }

  function orderOf(merchant: Merchant, values: Values): Order {
    const order = gateway.ledger.find(`${merchant.no}/${textOf(values, 'mchOrderNo', 30)}`);
    if (!order) throw new Problem('order_unknown', '订单不存在');
    return order;
  }

  function query(merchant: Merchant, values: Values): Data {
    const order = orderOf(merchant, values);
    if (faults.take('query', ['not_found_lag'])) throw new Problem('order_unknown', '订单不存在');
    return orderData(order, merchant, order.state === 'paid' && gateway.ledger.refundable(order) === 0);
  }

  function close(merchant: Merchant, values: Values): Data {
    const order = orderOf(merchant, values);
    if (order.state !== 'open') throw new Problem('order_paid', '当前订单不可关闭');
    return orderData(gateway.ledger.close(order), merchant);
  }

  function refund(merchant: Merchant, values: Values): Data {
    const refund_no = textOf(values, 'mchRefundNo', 30);
    const order = orderOf(merchant, values);
    if (gateway.ledger.findRefund(merchant.no, refund_no)) throw new Problem('refund_differs', `商户退款订单号[${refund_no}]已存在`);
    textOf(values, 'refundReason', 256);
    const made = gateway.refund(order, {
      refund_no,
      amount_fen: amountOf(values, 'refundAmount'),
      parameters: canonicalJson(values),
      ...(values.notifyUrl === undefined ? {} : { notify_url: textOf(values, 'notifyUrl', 128) }),
      own: {},
    });
    return refundData(order, made, merchant);
  }

  function refundQuery(merchant: Merchant, values: Values): Data {
    const held = gateway.ledger.findRefund(merchant.no, textOf(values, 'mchRefundNo', 30));
    const order = world.tables.order.get(held?.order_id ?? '');
    if (!held || !order) throw new Problem('refund_unknown', '订单不存在');
    return refundData(order, gateway.look(held), merchant);
  }

  const routes: Readonly<Record<string, readonly [Call['name'], (merchant: Merchant, values: Values) => Data]>> = {
    '/api/pay/unifiedOrder': ['pay', unifiedOrder],
    '/api/pay/query': ['query', query],
    '/api/pay/close': ['close', close],
    '/api/refund/refundOrder': ['refund', refund],
    '/api/refund/query': ['refund_query', refundQuery],
  };

  return (path, merchant, values) => {
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    const [order_no, refund_no] = [values.mchOrderNo, values.mchRefundNo].map((number) => (typeof number === 'string' ? number : undefined));
    return route && { name: route[0], names: { order_no, refund_no }, run: () => answer(() => route[1](merchant, values)) };
  };
}

function answer(run: () => Data): Result {
  try {
    return { data: run() };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { code: error.problem === 'parameter' ? 11 : 9999, msg: messages[error.problem] ?? error.message };
  }
}

const messages: Partial<Record<ProblemName, string>> = {
  refund_exceeds: '申请金额超出订单可退款余额，请检查退款金额',
  order_not_paid: '订单状态不正确， 无法完成退款',
};

function textOf(values: Values, name: string, length_max: number): string {
  const value = values[name];
  if (typeof value !== 'string' || value === '' || value.length > length_max) throw new Problem('parameter', `参数有误[${name}]`);
  return value;
}

function amountOf(values: Values, name: string): number {
  const value = Number(values[name]);
  if (!Number.isSafeInteger(value) || value < 1) throw new Problem('parameter', `参数有误[${name}]`);
  return value;
}
