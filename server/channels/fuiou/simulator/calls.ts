import { type Method, methods, type Wallet } from '@heliu/contract';
import { bizDate, formatShanghaiCompact } from '../../../kernel/time.ts';
import { barcodeOf, type Gateway } from '../../kit/gateway/gateway.ts';
import { isCodeOrder, isPaid, type NewOrder } from '../../kit/gateway/ledger.ts';
import { Problem, type ProblemName } from '../../kit/gateway/problem.ts';
import type { Call } from '../../kit/gateway/wire.ts';
import type { Merchant, Order, OrderState } from '../../kit/gateway/world.ts';

export type Fields = ReadonlyMap<string, string>;
export type Result = Readonly<Record<string, string>>;
export type Calls = (path: string, merchant: Merchant, fields: Fields) => (Pick<Call, 'name' | 'names'> & { readonly run: () => Result }) | undefined;

export const states: Readonly<Record<OrderState, string>> = {
  open: 'NOTPAY',
  asking: 'USERPAYING',
  paid: 'SUCCESS',
  closed: 'CLOSED',
  reversed: 'REVOKED',
  failed: 'PAYERROR',
};
const wallets: Readonly<Record<string, Wallet>> = { WECHAT: 'wechat', ALIPAY: 'alipay', UNIONPAY: 'unionpay', BESTPAY: 'bestpay', DIGICCY: 'ecny' };
const pages: Readonly<Record<string, Method>> = { JSAPI: 'wechat_jsapi', LETPAY: 'wechat_mini', FWC: 'alipay_jsapi' };
/** The query of this interface reaches back so far. */
const query_days_max = 3;

export function createCalls(gateway: Gateway): Calls {
  const { world, faults } = gateway;

  function newOrder(merchant: Merchant, fields: Fields, method: Method, order_type: string): NewOrder {
    // Every documented field is there, and an empty one is an empty element.
    for (const name of ['goods_detail', 'goods_tag', 'addn_inf', 'curr_type']) if (!fields.has(name)) throw new Problem('parameter', name);
    const notify_url = fields.get('notify_url');
    return {
      merchant: merchant.no,
      order_no: numberOf(fields, 'mchnt_order_no'),
      method,
      subject: required(fields, 'goods_des'),
      amount_fen: amountOf(fields, 'order_amt'),
      ...(notify_url ? { notify_url } : {}),
      parameters: JSON.stringify([...fields].filter(([name]) => name !== 'sign' && name !== 'random_str')),
      expires_ms: world.now_ms() + Number(fields.get('reserved_expire_minute') || 120) * 60_000,
      own: { order_type },
    };
  }

  function preCreate(merchant: Merchant, fields: Fields): Result {
    const order_type = required(fields, 'order_type');
    const method = qrOf(wallets[order_type]);
    if (method === undefined) throw new Problem('parameter', 'order_type');
    const order = gateway.ledger.place({
      ...newOrder(merchant, fields, method, order_type),
      opens: `https://qr.example/${order_type.toLowerCase()}/${world.hex(10)}`,
    });
    return { order_type, session_id: world.hex(16), qr_code: order.opens ?? '' };
  }

  function wxPreCreate(merchant: Merchant, fields: Fields): Result {
    const method = pages[required(fields, 'trade_type')];
    if (method === undefined) throw new Problem('parameter', 'trade_type');
    required(fields, 'sub_openid');
    gateway.ledger.place(newOrder(merchant, fields, method, methods[method].wallet.toUpperCase()));
    if (method === 'alipay_jsapi') return { reserved_transaction_id: `${world.today()}22001${world.digits(11)}` };
    const package_text = `prepay_id=wx${world.hex(30)}`;
    return {
      sdk_appid: `wx${world.hex(16)}`,
      sdk_timestamp: String(Math.floor(world.now_ms() / 1000)),
      sdk_noncestr: world.hex(16),
      sdk_package: package_text,
      sdk_signtype: 'RSA',
      sdk_paysign: world.hex(64),
    };
  }

  function micropay(merchant: Merchant, fields: Fields): Result {
    const order_type = required(fields, 'order_type');
    const wallet = wallets[order_type];
    const method = wallet && barcodeOf(wallet);
    if (method === undefined) throw new Problem('parameter', 'order_type');
    const order = gateway.ledger.charge(newOrder(merchant, fields, method, order_type), required(fields, 'auth_code'));
    return order.state === 'asking' ? { result_code: '030010', result_msg: '等待用户输入密码' } : { order_type, pay_msg: 'SUCCESS' };
  }

  function orderOf(merchant: Merchant, fields: Fields): Order {
    const order = gateway.ledger.find(`${merchant.no}/${numberOf(fields, 'mchnt_order_no')}`);
    if (!order) throw new Problem('order_unknown');
    return order;
  }

  function query(merchant: Merchant, fields: Fields): Result {
    const order = orderOf(merchant, fields);
    if (world.now_ms() - order.created_ms > query_days_max * 86_400_000 || faults.take('query', ['not_found_lag'])) throw new Problem('order_unknown');
    const refunded = order.state === 'paid' && gateway.ledger.refundsOf(order).length > 0;
    const base = {
      order_type: order.own.order_type ?? '',
      trans_stat: refunded ? 'REFUND' : states[order.state],
      mchnt_order_no: order.order_no,
      order_amt: String(order.amount_fen),
    };
    if (!isPaid(order)) return { ...base, transaction_id: '', buyer_id: '' };
    const paid_at = formatShanghaiCompact(new Date(order.paid_ms ?? 0));
    return { ...base, transaction_id: order.transaction_id ?? '', buyer_id: 'payer', reserved_fy_settle_dt: paid_at.slice(0, 8), reserved_txn_fin_ts: paid_at };
  }

  function close(merchant: Merchant, fields: Fields): Result {
    return { mchnt_order_no: gateway.ledger.close(orderOf(merchant, fields)).order_no };
  }

  /** Orders of today only. */
  function cancel(merchant: Merchant, fields: Fields): Result {
    const order = orderOf(merchant, fields);
    numberOf(fields, 'cancel_order_no');
    if (!isCodeOrder(order)) throw new Problem('no_code_order');
    if (bizDate(new Date(order.created_ms)) !== bizDate(world.now())) throw new Problem('too_late');
    gateway.ledger.reverse(order);
    return { mchnt_order_no: order.order_no, recall: 'N' };
  }

  function refund(merchant: Merchant, fields: Fields): Result {
    const order = orderOf(merchant, fields);
    const refund_no = numberOf(fields, 'refund_order_no');
    if (gateway.ledger.findRefund(merchant.no, refund_no)) throw new Problem('refund_differs');
    gateway.refund(order, { refund_no, amount_fen: amountOf(fields, 'refund_amt'), total_fen: amountOf(fields, 'total_amt'), parameters: '', own: {} });
    return { mchnt_order_no: order.order_no, refund_order_no: refund_no };
  }

  function refundQuery(merchant: Merchant, fields: Fields): Result {
    const held = gateway.ledger.findRefund(merchant.no, numberOf(fields, 'refund_order_no'));
    if (!held || faults.take('refund_query', ['not_found_lag'])) throw new Problem('refund_unknown');
    return { refund_order_no: held.refund_no, trans_stat: gateway.look(held).state === 'succeeded' ? 'SUCCESS' : 'PAYERROR' };
  }

  const routes: Readonly<Record<string, readonly [Call['name'], (merchant: Merchant, fields: Fields) => Result]>> = {
    '/preCreate': ['pay', preCreate],
    '/wxPreCreate': ['pay', wxPreCreate],
    '/micropay': ['pay', micropay],
    '/commonQuery': ['query', query],
    '/closeorder': ['close', close],
    '/cancelorder': ['reverse', cancel],
    '/commonRefund': ['refund', refund],
    '/refundQuery': ['refund_query', refundQuery],
  };

  return (path, merchant, fields) => {
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    const numbers = { order_no: fields.get('mchnt_order_no'), refund_no: fields.get('refund_order_no') };
    return route && { name: route[0], names: { ...numbers, charges: path === '/micropay' }, run: () => answer(() => route[1](merchant, fields)) };
  };
}

const qrOf = (wallet: Wallet | undefined): Method | undefined =>
  (Object.keys(methods) as Method[]).find((method) => methods[method].wallet === wallet && methods[method].scene === 'qr');

function answer(run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { result_code: codes[error.problem] ?? '010003', result_msg: error.message };
  }
}

const codes: Partial<Record<ProblemName, string>> = {
  order_unknown: '010006',
  refund_unknown: '010006',
  order_paid: '010007',
  code_invalid: '000002',
  code_expired: '010008',
};

function required(fields: Fields, name: string): string {
  const value = fields.get(name);
  if (!value) throw new Problem('parameter', name);
  return value;
}

function numberOf(fields: Fields, name: string): string {
  const value = required(fields, name);
  if (!/^\w{5,30}$/.test(value)) throw new Problem('parameter', name);
  return value;
}

function amountOf(fields: Fields, name: string): number {
  const text = required(fields, name);
  if (!/^[1-9]\d{0,11}$/.test(text)) throw new Problem('parameter', name);
  return Number(text);
}
