import { type Method, methods } from '@heliu/contract';
import { formatShanghai } from '../../../kernel/time.ts';
import type { Gateway } from '../../kit/gateway/gateway.ts';
import { isPaid } from '../../kit/gateway/ledger.ts';
import { Problem, type ProblemName } from '../../kit/gateway/problem.ts';
import type { Call } from '../../kit/gateway/wire.ts';
import type { Merchant, Order } from '../../kit/gateway/world.ts';

export type Fields = ReadonlyMap<string, string>;
export type Result = Readonly<Record<string, string | number>>;
export type Calls = (route: string, merchant: Merchant, fields: Fields) => (Pick<Call, 'name' | 'names'> & { readonly run: () => Result }) | undefined;

const wallets: Readonly<Record<string, string>> = { wxpay: 'wechat', alipay: 'alipay', qqpay: 'qq', jdpay: 'jd' };
export const typeOf = (method: Method): string => Object.keys(wallets).find((type) => wallets[type] === methods[method].wallet) ?? '';
/** An order is never ended here. */
const never_ms = 365 * 86_400_000;

export function createCalls(gateway: Gateway): Calls {
  const { world, faults } = gateway;

  function create(merchant: Merchant, fields: Fields): Result {
    const wallet = wallets[required(fields, 'type')];
    const device = fields.get('device') ?? 'pc';
    const method = (Object.keys(methods) as Method[]).find(
      (each) => methods[each].wallet === wallet && methods[each].scene === (device === 'mobile' ? 'h5' : 'qr'),
    );
    if (method === undefined) throw new Problem('parameter', '支付方式不存在');
    const order_no = required(fields, 'out_trade_no');
    if (!/^[a-zA-Z0-9._\-|]+$/.test(order_no)) throw new Problem('parameter', '订单号格式不正确');
    const page = `${world.ports.base_url}/pay/${device === 'mobile' ? 'jump' : 'qrcode'}/${world.hex(10)}`;
    const order = gateway.ledger.place({
      merchant: merchant.no,
      order_no,
      method,
      subject: required(fields, 'name'),
      amount_fen: fenOf(required(fields, 'money')),
      notify_url: required(fields, 'notify_url'),
      parameters: JSON.stringify([...fields].filter(([name]) => name !== 'sign')),
      expires_ms: world.now_ms() + never_ms,
      opens: page,
      own: { trade_no: `${world.today()}${world.digits(11)}` },
    });
    const way = device === 'mobile' ? { payurl: page } : wallet === 'jd' ? { payurl: order.opens ?? page } : { qrcode: order.opens ?? page };
    return { code: 1, msg: 'success', trade_no: order.own.trade_no ?? '', ...way };
  }

  function orderOf(merchant: Merchant, fields: Fields): Order {
    const order = gateway.ledger.find(`${merchant.no}/${required(fields, 'out_trade_no')}`);
    if (!order) throw new Problem('order_unknown');
    return order;
  }

  function query(merchant: Merchant, fields: Fields): Result {
    const order = orderOf(merchant, fields);
    if (faults.take('query', ['not_found_lag'])) throw new Problem('order_unknown');
    return {
      code: 1,
      msg: 'succ',
      trade_no: order.own.trade_no ?? '',
      out_trade_no: order.order_no,
      type: typeOf(order.method),
      pid: order.merchant,
      addtime: formatShanghai(new Date(order.created_ms)),
      endtime: order.paid_ms === undefined ? '' : formatShanghai(new Date(order.paid_ms)),
      name: order.subject,
      money: yuanOf(order.amount_fen),
      status: isPaid(order) ? 1 : 0,
    };
  }

  function refund(merchant: Merchant, fields: Fields): Result {
    const order = orderOf(merchant, fields);
    const refund_no = required(fields, 'out_refund_no');
    if (gateway.ledger.findRefund(merchant.no, refund_no)) throw new Problem('refund_differs');
    gateway.refund(order, { refund_no, amount_fen: fenOf(required(fields, 'money')), parameters: '', own: {} });
    return { code: 1, msg: '退款成功' };
  }

  function refundQuery(merchant: Merchant, fields: Fields): Result {
    const held = gateway.ledger.findRefund(merchant.no, required(fields, 'out_refund_no'));
    if (!held || faults.take('refund_query', ['not_found_lag'])) throw new Problem('refund_unknown');
    const { refund_no, amount_fen, state } = gateway.look(held);
    return { code: 1, msg: 'succ', out_refund_no: refund_no, money: yuanOf(amount_fen), status: state === 'succeeded' ? 1 : 0 };
  }

  const routes: Readonly<Record<string, readonly [Call['name'], (merchant: Merchant, fields: Fields) => Result]>> = {
    mapi: ['pay', create],
    order: ['query', query],
    refund: ['refund', refund],
    refundquery: ['refund_query', refundQuery],
  };

  return (route, merchant, fields) => {
    const found = Object.hasOwn(routes, route) ? routes[route] : undefined;
    const names = { order_no: fields.get('out_trade_no'), refund_no: fields.get('out_refund_no') };
    return found && { name: found[0], names, run: () => answer(() => found[1](merchant, fields)) };
  };
}

function answer(run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const [code, msg] = texts[error.problem] ?? [-2, error.message];
    return { code, msg };
  }
}

const texts: Partial<Record<ProblemName, readonly [code: number, msg: string]>> = {
  order_unknown: [-1, '订单号不存在'],
  refund_unknown: [-1, '退款单号不存在'],
  order_paid: [-2, '该订单已完成支付'],
  order_differs: [-2, '支付参数有变化，请更换订单号'],
};

function required(fields: Fields, name: string): string {
  const value = fields.get(name);
  if (!value) throw new Problem('parameter', `${name}不能为空`);
  return value;
}

function fenOf(text: string): number {
  if (!/^\d{1,9}(\.\d{1,2})?$/.test(text)) throw new Problem('parameter', '金额不合法');
  return Math.round(Number(text) * 100);
}

export const yuanOf = (fen: number): string => (fen / 100).toFixed(2);
