import { type Method, methods, type Wallet } from '@heliu/contract';
import { canonicalJson } from '../../../kernel/digest.ts';
import { parseShanghaiCompact } from '../../../kernel/time.ts';
import { barcodeOf, type Gateway } from '../../kit/gateway/gateway.ts';
import type { NewOrder } from '../../kit/gateway/ledger.ts';
import { isCodeOrder, isPaid } from '../../kit/gateway/ledger.ts';
import { Problem, type ProblemName } from '../../kit/gateway/problem.ts';
import type { Call, WireReply } from '../../kit/gateway/wire.ts';
import type { Merchant, Order } from '../../kit/gateway/world.ts';
import { billOf } from './bill.ts';
import { paymentFields, refundFields } from './views.ts';

/** What the services do. */

export type Result = Readonly<Record<string, string>>;
type Fields = ReadonlyMap<string, string>;
type Handler = { readonly name: Exclude<Call['name'], 'bill'>; readonly run: () => Result } | { readonly name: 'bill'; readonly text: () => WireReply };
/** The call behind a service; undefined when there is no such service. */
export type Calls = (service: string, merchant: Merchant, fields: Fields) => Handler | undefined;

const prepay: Readonly<Record<string, Method>> = {
  'pay.weixin.native': 'wechat_qr',
  'pay.weixin.jspay': 'wechat_jsapi',
  'pay.alipay.native': 'alipay_qr',
  'pay.alipay.jspay': 'alipay_jsapi',
  'pay.unionpay.native': 'unionpay_qr',
};

export function createCalls(gateway: Gateway): Calls {
  const { world, faults } = gateway;

  const services: Readonly<Record<string, readonly [Exclude<Call['name'], 'bill'>, (merchant: Merchant, fields: Fields) => Result]>> = {
    ...Object.fromEntries(Object.entries(prepay).map(([service, method]) => [service, ['pay', (merchant, fields) => place(merchant, fields, method)]])),
    'unified.trade.micropay': ['pay', micropay],
    'unified.trade.query': ['query', query],
    'unified.trade.close': ['close', close],
    'unified.micropay.reverse': ['reverse', reverse],
    'unified.trade.refund': ['refund', refund],
    'unified.trade.refundquery': ['refund_query', refundQuery],
  };

  function place(merchant: Merchant, fields: Fields, listed: Method): Result {
    const method = listed === 'wechat_jsapi' && fields.get('is_minipg') === '1' ? 'wechat_mini' : listed;
    required(fields, 'notify_url');
    const payer_id = methods[method].scene === 'qr' ? undefined : required(fields, methods[method].wallet === 'alipay' ? 'buyer_id' : 'sub_openid');
    const code_url = methods[method].scene === 'qr' ? `${qr_urls[methods[method].wallet]}${world.hex(12)}` : undefined;
    const wanted = newOrder(merchant, fields, method);
    const own = { ...wanted.own, ...(payer_id === undefined ? {} : { payer_id }) };
    const order = gateway.ledger.place({ ...wanted, own, ...(code_url === undefined ? {} : { opens: code_url }) });
    if (order.opens !== undefined)
      return { code_url: order.opens, code_img_url: `${world.ports.base_url}/pay/qrcode?uuid=${encodeURIComponent(order.opens)}`, uuid: world.hex(24) };
    return { pay_info: JSON.stringify(payInfo(order)), token_id: world.hex(32) };
  }

  function payInfo({ method, own }: Order): Record<string, string> {
    if (methods[method].wallet === 'alipay') return { status: '0', tradeNO: `${world.today()}22001${world.digits(11)}` };
    const time = String(Math.floor(world.now_ms() / 1000));
    return {
      appId: own.sub_appid ?? '',
      timeStamp: time,
      status: '0',
      signType: 'RSA',
      package: `prepay_id=wx${world.hex(34)}`,
      callback_url: '',
      nonceStr: world.hex(13),
      paySign: world.hex(64),
    };
  }

  function micropay(merchant: Merchant, fields: Fields): Result {
    const auth_code = required(fields, 'auth_code');
    const method = barcodeOf(walletOf(auth_code));
    if (method === undefined) throw new Problem('code_invalid');
    const order = gateway.ledger.charge(newOrder(merchant, fields, method), auth_code);
    if (order.state === 'asking') return { ...failure('USERPAYING', '需要用户输入支付密码'), need_query: 'Y' };
    return { pay_result: '0', ...paymentFields(order) };
  }

  function newOrder(merchant: Merchant, fields: Fields, method: Method): NewOrder {
    const order_no = required(fields, 'out_trade_no');
    if (!/^\w{5,32}$/.test(order_no)) throw new Problem('parameter', 'out_trade_no');
    const subject = required(fields, 'body');
    if (Buffer.byteLength(subject) > 128) throw new Problem('parameter', 'body');
    required(fields, 'mch_create_ip');
    const { sign: _sign, nonce_str: _nonce, ...parameters } = Object.fromEntries(fields);
    const notify_url = fields.get('notify_url');
    const sub_appid = fields.get('sub_appid');
    return {
      merchant: merchant.no,
      order_no,
      method,
      subject,
      amount_fen: feeOf(fields, 'total_fee'),
      ...(notify_url === undefined ? {} : { notify_url }),
      parameters: canonicalJson(parameters),
      expires_ms: expiryOf(fields),
      own: sub_appid === undefined ? {} : { sub_appid },
    };
  }

  /** `time_start` and `time_expire` go together. */
  function expiryOf(fields: Fields): number {
    const [start, expire] = [fields.get('time_start'), fields.get('time_expire')];
    if ((start === undefined) !== (expire === undefined)) throw new Problem('parameter', 'time_start');
    const at = expire === undefined ? undefined : parseShanghaiCompact(expire);
    if (expire !== undefined && !at) throw new Problem('parameter', 'time_expire');
    return at ? at.getTime() : world.now_ms() + 7_200_000;
  }

  /** The order that a call names; the gateway's number wins. */
  function orderOf(merchant: Merchant, fields: Fields): Order {
    const transaction_id = fields.get('transaction_id');
    const order = transaction_id ? gateway.ledger.byTransaction(transaction_id) : gateway.ledger.find(`${merchant.no}/${required(fields, 'out_trade_no')}`);
    if (order?.merchant !== merchant.no) throw new Problem('order_unknown');
    return order;
  }

  function query(merchant: Merchant, fields: Fields): Result {
    const order = orderOf(merchant, fields);
    if (faults.take('query', ['not_found_lag'])) throw new Problem('order_unknown');
    const refunded = gateway.ledger.refundsOf(order).length > 0;
    const trade_state = order.state === 'paid' && refunded ? 'REFUND' : states[order.state];
    return isPaid(order) ? { trade_state, ...paymentFields(order) } : { trade_state, out_trade_no: order.order_no };
  }

  function close(merchant: Merchant, fields: Fields): Result {
    gateway.ledger.close(orderOf(merchant, fields));
    return {};
  }

  function reverse(merchant: Merchant, fields: Fields): Result {
    const order = orderOf(merchant, fields);
    if (!isCodeOrder(order)) throw new Problem('no_code_order');
    gateway.ledger.reverse(order);
    return { retry_flag: 'N' };
  }

  function refund(merchant: Merchant, fields: Fields): Result {
    const order = orderOf(merchant, fields);
    const total_fen = feeOf(fields, 'total_fee');
    const { sign: _sign, nonce_str: _nonce, ...parameters } = Object.fromEntries(fields);
    const made = gateway.refund(order, {
      refund_no: required(fields, 'out_refund_no'),
      amount_fen: feeOf(fields, 'refund_fee'),
      total_fen,
      parameters: canonicalJson(parameters),
      own: {},
    });
    return {
      transaction_id: order.transaction_id ?? '',
      out_trade_no: order.order_no,
      out_refund_no: made.refund_no,
      refund_id: made.refund_id,
      refund_channel: 'ORIGINAL',
      refund_fee: String(made.amount_fen),
      coupon_refund_fee: '0',
    };
  }

  /** One refund by its own number, or all of an order. */
  function refundQuery(merchant: Merchant, fields: Fields): Result {
    const out_refund_no = fields.get('out_refund_no');
    const named = out_refund_no ? [gateway.ledger.findRefund(merchant.no, out_refund_no) ?? []].flat() : gateway.ledger.refundsOf(orderOf(merchant, fields));
    const [first] = named;
    const order = first && world.tables.order.get(first.order_id);
    if (!order || faults.take('refund_query', ['not_found_lag'])) throw new Problem('refund_unknown');
    return {
      transaction_id: order.transaction_id ?? '',
      out_trade_no: order.order_no,
      refund_count: String(named.length),
      ...Object.assign({}, ...named.map((held, index) => refundFields(gateway.look(held), index))),
    };
  }

  return (service, merchant, fields) => {
    if (service === 'pay.bill.merchant') return { name: 'bill', text: () => billOf(gateway, merchant, fields.get('bill_date') ?? '') };
    const found = Object.hasOwn(services, service) ? services[service] : undefined;
    if (!found) return undefined;
    const [name, run] = found;
    return { name, run: () => answer(service, () => run(merchant, fields)) };
  };
}

function answer(service: string, run: () => Result): Result {
  try {
    return { status: '0', result_code: '0', ...run() };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const code = codes[error.problem];
    // A charge that failed for good says so; everything else about a payment code must be asked.
    return { ...failure(code, error.message), ...(service === 'unified.trade.micropay' ? { need_query: final_noes.includes(error.problem) ? 'N' : 'Y' } : {}) };
  }
}

const failure = (err_code: string, err_msg: string): Result => ({ status: '0', result_code: '1', err_code, err_msg });

const final_noes: readonly ProblemName[] = ['insufficient_funds', 'code_invalid', 'code_expired', 'parameter'];
const codes: Readonly<Record<ProblemName, string>> = {
  order_unknown: 'ORDERNOTEXIST',
  order_paid: 'ORDERPAID',
  order_not_paid: 'ORDERNOTEXIST',
  order_closed: 'ORDERCLOSED',
  order_reversed: 'ORDERREVERSED',
  order_under_way: 'USERPAYING',
  order_differs: 'OUT_TRADE_NO_USED',
  code_invalid: 'AUTH_CODE_INVALID',
  code_expired: 'AUTHCODEEXPIRE',
  insufficient_funds: 'NOTENOUGH',
  no_code_order: 'TRADE_ERROR',
  code_order: 'TRADE_ERROR',
  too_late: 'REVERSE_EXPIRE',
  refund_unknown: 'REFUNDNOTEXIST',
  refund_differs: 'PARAM_ERROR',
  refund_exceeds: 'REFUND_FEE_INVALID',
  parameter: 'PARAM_ERROR',
};
const states: Readonly<Record<Order['state'], string>> = {
  open: 'NOTPAY',
  asking: 'USERPAYING',
  paid: 'SUCCESS',
  closed: 'CLOSED',
  reversed: 'REVERSE',
  failed: 'PAYERROR',
};

const qr_urls: Readonly<Record<string, string>> = {
  wechat: 'weixin://wxpay/bizpayurl?pr=',
  alipay: 'https://qr.alipay.com/bax',
  unionpay: 'https://qr.95516.com/00010000/',
};

/** The first two digits of a payment code name its wallet. */
function walletOf(auth_code: string): Wallet {
  if (/^1[0-5]/.test(auth_code)) return 'wechat';
  if (/^(?:2[5-9]|30)/.test(auth_code)) return 'alipay';
  if (auth_code.startsWith('62')) return 'unionpay';
  if (auth_code.startsWith('51')) return 'bestpay';
  return auth_code.startsWith('91') ? 'qq' : 'jd';
}

function required(fields: Fields, name: string): string {
  const value = fields.get(name);
  if (!value) throw new Problem('parameter', `缺少参数${name}`);
  return value;
}

function feeOf(fields: Fields, name: string): number {
  const text = required(fields, name);
  if (!/^[1-9]\d{0,11}$/.test(text)) throw new Problem('parameter', name);
  return Number(text);
}
