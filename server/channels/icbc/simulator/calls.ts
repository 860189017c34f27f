import type { Method } from '@heliu/contract';
import { canonicalJson } from '../../../kernel/digest.ts';
import type { Gateway } from '../../kit/gateway/gateway.ts';
import { isCodeOrder, type NewOrder } from '../../kit/gateway/ledger.ts';
import { Problem } from '../../kit/gateway/problem.ts';
import type { Call } from '../../kit/gateway/wire.ts';
import type { Merchant, Order } from '../../kit/gateway/world.ts';
import { type Biz, isOnline, paymentFields, refundFields } from './views.ts';

export type Result = { readonly biz: Biz } | { readonly code: number; readonly msg: string };
type Name = Exclude<Call['name'], 'bill' | 'keys'>;
export type Calls = (path: string, merchant: Merchant, biz: Biz) => (Pick<Call, 'names'> & { readonly name: Name; readonly run: () => Result }) | undefined;

/** The wallet that a payment code belongs to. */
const codes: readonly (readonly [prefix: RegExp, method: Method])[] = [
  [/^1[0-5]/, 'wechat_barcode'],
  [/^(2[5-9]|30)/, 'alipay_barcode'],
  [/^62/, 'unionpay_barcode'],
];
const pages: Readonly<Record<string, Method>> = { '9 7': 'wechat_jsapi', '9 9': 'wechat_mini', '10 8': 'alipay_jsapi' };

/** Of the bank's codes one was seen in public: no such order among those of pages. The others stand for what nobody has published. */
export const unknown_codes = '12001081,90000404';

export function createCalls(gateway: Gateway): Calls {
  const { world, faults } = gateway;

  function newOrder(merchant: Merchant, biz: Biz, method: Method, fields: { readonly amount: string; readonly url: string; readonly life: string }): NewOrder {
    const notify_url = biz[fields.url];
    return {
      merchant: merchant.no,
      order_no: required(biz, 'out_trade_no', 35),
      method,
      subject: biz.body ?? '',
      amount_fen: amountOf(biz, fields.amount),
      ...(notify_url === undefined ? {} : { notify_url }),
      parameters: canonicalJson(biz),
      expires_ms: world.now_ms() + Number(biz[fields.life] ?? '0') * 1000,
      own: { family: 'qr' },
    };
  }

  function generate(merchant: Merchant, biz: Biz): Biz {
    for (const name of ['store_code', 'trade_date', 'trade_time', 'tporder_create_ip']) required(biz, name, 35);
    const life_s = Number(required(biz, 'pay_expire', 5));
    if (!(life_s > 0 && life_s < 86_400)) throw new Problem('parameter', 'pay_expire');
    const wanted = newOrder(merchant, biz, 'aggregate_qr', { amount: 'order_amt', url: 'notify_url', life: 'pay_expire' });
    const order = gateway.ledger.place({ ...wanted, opens: `https://mims.icbc.com.cn/QRPay/${world.digits(20)}` });
    return { qrcode: order.opens ?? '', attach: biz.attach ?? '' };
  }

  /** A code that is taken is charged; the outcome is asked for. */
  function charge(merchant: Merchant, biz: Biz): Biz {
    const qr_code = required(biz, 'qr_code', 30);
    const method = codes.find(([prefix]) => prefix.test(qr_code))?.[1];
    if (!method) throw new Problem('code_invalid');
    return paymentFields(gateway.ledger.charge(newOrder(merchant, biz, method, { amount: 'order_amt', url: 'none', life: 'none' }), qr_code));
  }

  function purchase(merchant: Merchant, biz: Biz): Biz {
    const method = pages[`${biz.pay_mode} ${biz.access_type}`];
    if (method === undefined) throw new Problem('parameter', 'access_type');
    for (const name of ['mer_prtcl_no', 'decive_info', 'spbill_create_ip', 'mer_url', 'icbc_appid']) required(biz, name, 256);
    if (Buffer.byteLength(required(biz, 'body', 128)) > 128 || biz.fee_type !== '001') throw new Problem('parameter', 'body');
    if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(biz.orig_date_time ?? '') || Number(required(biz, 'expire_time', 6)) <= 60)
      throw new Problem('parameter', 'expire_time');
    const payer_id = required(biz, biz.pay_mode === '9' ? 'open_id' : 'union_id', 64);
    const wanted = newOrder(merchant, biz, method, { amount: 'total_fee', url: 'mer_url', life: 'expire_time' });
    const order = gateway.ledger.place({ ...wanted, own: { family: 'online', payer_id, pay_mode: biz.pay_mode ?? '' } });
    const named = { out_trade_no: order.order_no, total_fee: String(order.amount_fen), order_id: `${merchant.no}000${world.digits(15)}` };
    if (biz.pay_mode === '10') return { ...named, third_trade_no: `${world.today()}22001${world.digits(15)}`, zfb_data_package: '{}' };
    return { ...named, wx_data_package: JSON.stringify(wechatPackage(required(biz, 'shop_appid', 32))) };
  }

  const wechatPackage = (appId: string) => ({
    appId,
    timeStamp: String(Math.floor(world.now_ms() / 1000)),
    nonceStr: world.hex(32),
    package: `prepay_id=wx${world.hex(30)}`,
    signType: 'RSA',
    paySign: world.hex(64),
  });

  function orderOf(merchant: Merchant, biz: Biz, family: 'qr' | 'online'): Order {
    const order = gateway.ledger.find(`${merchant.no}/${required(biz, 'out_trade_no', 35)}`);
    if (!order || isOnline(order) !== (family === 'online')) throw new Problem('order_unknown', family);
    return order;
  }

  const query = (family: 'qr' | 'online') => (merchant: Merchant, biz: Biz) => {
    const order = orderOf(merchant, biz, family);
    if (faults.take('query', ['not_found_lag'])) throw new Problem('order_unknown', family);
    if (family === 'qr') return paymentFields(order);
    if (biz.deal_flag !== '0' || !biz.icbc_appid) throw new Problem('parameter', 'deal_flag');
    return paymentFields(order);
  };

  function reverse(merchant: Merchant, biz: Biz): Biz {
    const order = orderOf(merchant, biz, 'qr');
    if (!isCodeOrder(order)) throw new Problem('no_code_order');
    required(biz, 'reject_no', 35);
    gateway.ledger.reverse(order);
    return { out_trade_no: order.order_no, reject_no: biz.reject_no ?? '', reject_amt: String(order.amount_fen) };
  }

  const refund = (family: 'qr' | 'online') => (merchant: Merchant, biz: Biz) => {
    const order = orderOf(merchant, biz, family);
    if (family === 'online' && biz.trnsc_ccy !== '001') throw new Problem('parameter', 'trnsc_ccy');
    const made = gateway.refund(order, {
      refund_no: required(biz, family === 'qr' ? 'reject_no' : 'outtrx_serial_no', 35),
      amount_fen: amountOf(biz, family === 'qr' ? 'reject_amt' : 'ret_total_amt'),
      parameters: canonicalJson(biz),
      own: {},
    });
    const { pay_status: _status, reject_status: _state, ...fields } = refundFields(order, made);
    return { out_trade_no: order.order_no, ...fields };
  };

  function refundsOf(merchant: Merchant, biz: Biz): Biz {
    const order = orderOf(merchant, biz, 'qr');
    if (faults.take('refund_query', ['not_found_lag'])) return { out_trade_no: order.order_no, refund_json_list: '[]' };
    const list = gateway.ledger.refundsOf(order).map((held) => refundFields(order, gateway.look(held)));
    return { out_trade_no: order.order_no, refund_json_list: JSON.stringify(list) };
  }

  function refundQuery(merchant: Merchant, biz: Biz): Biz {
    const order = orderOf(merchant, biz, 'online');
    const held = gateway.ledger.findRefund(merchant.no, required(biz, 'outtrx_serial_no', 35));
    if (!held || faults.take('refund_query', ['not_found_lag'])) throw new Problem('refund_unknown', 'online');
    return refundFields(order, gateway.look(held));
  }

  const online = '/api/cardbusiness/aggregatepay/b2c/online';
  const routes: Readonly<Record<string, readonly [Name, (merchant: Merchant, biz: Biz) => Biz]>> = {
    '/api/qrcode/V2/generate': ['pay', generate],
    '/api/qrcode/V2/pay': ['pay', charge],
    '/api/qrcode/V2/query': ['query', query('qr')],
    '/api/qrcode/V2/reverse': ['reverse', reverse],
    '/api/qrcode/V2/reject': ['refund', refund('qr')],
    '/api/qrcode/reject/query/V3': ['refund_query', refundsOf],
    [`${online}/consumepurchase/V1`]: ['pay', purchase],
    [`${online}/orderqry/V1`]: ['query', query('online')],
    [`${online}/merrefund/V1`]: ['refund', refund('online')],
    [`${online}/refundqry/V1`]: ['refund_query', refundQuery],
  };

  return (path, merchant, biz) => {
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    const names = { order_no: biz.out_trade_no, refund_no: biz.reject_no ?? biz.outtrx_serial_no, charges: path === '/api/qrcode/V2/pay' };
    return route && { name: route[0], names, run: () => answer(() => route[1](merchant, biz)) };
  };
}

function answer(run: () => Biz): Result {
  try {
    return { biz: run() };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.problem === 'parameter') return { code: 400011, msg: `illegal parameter ${error.message}` };
    const is_unknown = error.problem === 'order_unknown' || error.problem === 'refund_unknown';
    if (!is_unknown) return { code: 90000000, msg: error.problem };
    return error.message === 'online' ? { code: 12001081, msg: '查询订单对照表获取工行订单号失败' } : { code: 90000404, msg: '原订单不存在' };
  }
}

function required(biz: Biz, name: string, length_max: number): string {
  const value = biz[name];
  if (typeof value !== 'string' || value === '' || value.length > length_max) throw new Problem('parameter', name);
  return value;
}

function amountOf(biz: Biz, name: string): number {
  const text = required(biz, name, 17);
  if (!/^[1-9]\d*$/.test(text)) throw new Problem('parameter', name);
  return Number(text);
}
