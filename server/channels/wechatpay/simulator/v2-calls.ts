import { canonicalJson } from '../../../kernel/digest.ts';
import { parseShanghaiCompact } from '../../../kernel/time.ts';
import type { Faults } from '../../kit/faults.ts';
import { GatewayError } from './gateway-error.ts';
import {
  beforePayment,
  charge,
  closeOrder,
  findByTransaction,
  findOrder,
  isPaid,
  type NewOrder,
  placeOrder,
  placeRefund,
  reverse,
  settleRefund,
  state_texts,
} from './ledger.ts';
import type { V2Handler, V2Handlers, V2Input } from './v2.ts';
import { codeUrlOf, h5UrlOf, refundEnd } from './v3-calls.ts';
import { paymentFieldsOf, refundFieldsOf } from './views.ts';
import { type Order, orderId, type Refund, refundsByNumber, refundsOf, type TradeType, type World } from './world.ts';

/** What the calls of APIv2 do. */

type Deps = {
  readonly world: World;
  readonly faults: Faults;
  readonly onSettled: (order: Order, refund: Refund) => void;
  readonly onRefund: (refund: Refund) => void;
};
type Answer = Readonly<Record<string, string>>;

export function createV2Handlers(deps: Deps): V2Handlers {
  const calls: Record<V2Handler, (input: V2Input) => Answer> = {
    micropay: (input) => micropay(deps, input),
    unifiedorder: (input) => unifiedorder(deps, input),
    orderquery: (input) => orderquery(deps, input),
    closeorder: (input) => closeorder(deps, input),
    reverse: (input) => reverseOrder(deps, input),
    refund: (input) => refund(deps, input),
    refundquery: (input) => refundquery(deps, input),
  };
  return { handle: (handler, input) => calls[handler](input) };
}

function required(fields: ReadonlyMap<string, string>, name: string): string {
  const value = fields.get(name);
  if (!value) throw new GatewayError('LACK_PARAMS', `缺少参数${name}`);
  return value;
}

function feeOf(fields: ReadonlyMap<string, string>, name: string): number {
  const text = required(fields, name);
  if (!/^[1-9]\d{0,11}$/.test(text)) throw new GatewayError('PARAM_ERROR', `invalid ${name}`);
  return Number(text);
}

/** Merchant, applications and the parts that every new order has. */
function newOrder(world: World, { merchant, fields, sign_type }: V2Input, trade_type: TradeType): NewOrder {
  const appid = required(fields, 'appid');
  if (!merchant.appids.includes(appid)) throw new GatewayError('APPID_MCHID_NOT_MATCH', 'appid和mch_id不匹配');
  const sub_mchid = subMchid(world, { merchant, fields });
  const sub_appid = fields.get('sub_appid');
  const out_trade_no = required(fields, 'out_trade_no');
  if (!/^[0-9A-Za-z_\-|*@]{1,32}$/.test(out_trade_no)) throw new GatewayError('PARAM_ERROR', 'invalid out_trade_no');
  const attach = fields.get('attach');
  const device_id = fields.get('device_info');
  required(fields, 'spbill_create_ip');
  const body = required(fields, 'body');
  if (Buffer.byteLength(body) > 128) throw new GatewayError('PARAM_ERROR', 'body字段长度超过128字节');
  const { sign: _sign, nonce_str: _nonce, ...parameters } = Object.fromEntries(fields);
  return {
    form: 'v2',
    mchid: merchant.mchid,
    appid,
    ...(sub_mchid === undefined ? {} : { sub_mchid }),
    ...(sub_appid ? { sub_appid } : {}),
    out_trade_no,
    trade_type,
    method: methods[trade_type],
    description: body,
    total: feeOf(fields, 'total_fee'),
    ...(attach ? { attach } : {}),
    ...(device_id ? { device_id } : {}),
    payer: payerOf(fields),
    parameters: canonicalJson(parameters),
    sign_type,
    expires_ms: expiryOf(world, fields.get('time_expire')),
  };
}

const methods = { NATIVE: 'wechat_qr', JSAPI: 'wechat_jsapi', APP: 'wechat_app', MWEB: 'wechat_h5', MICROPAY: 'wechat_barcode' } as const;

function payerOf(fields: ReadonlyMap<string, string>): Order['payer'] {
  const openid = fields.get('openid');
  const sub_openid = fields.get('sub_openid');
  return { ...(openid ? { openid } : {}), ...(sub_openid ? { sub_openid } : {}) };
}

const week_ms = 7 * 86_400_000;

function expiryOf(world: World, time_expire: string | undefined): number {
  if (!time_expire) return world.now_ms() + week_ms;
  const at = parseShanghaiCompact(time_expire);
  if (!at || at.getTime() - world.now_ms() < 60_000) throw new GatewayError('PARAM_ERROR', 'time_expire时间过短，刷卡至少1分钟，其他5分钟');
  return at.getTime();
}

/** A provider names its sub-merchant in every call; a merchant of its own names none. */
function subMchid(world: World, { merchant, fields }: Pick<V2Input, 'merchant' | 'fields'>): string | undefined {
  if (merchant.kind === 'direct') return undefined;
  const sub = world.tables.merchant.get(required(fields, 'sub_mch_id'));
  if (sub?.sp_mchid !== merchant.mchid) throw new GatewayError('NO_AUTH', '特约商户与服务商没有受理关系');
  return sub.mchid;
}

function micropay({ world }: Deps, input: V2Input): Answer {
  const auth_code = required(input.fields, 'auth_code');
  if (!/^1[0-5]\d{16}$/.test(auth_code)) throw new GatewayError('AUTH_CODE_INVALID');
  const order = charge(world, { order: newOrder(world, input, 'MICROPAY'), auth_code });
  if (order.state === 'USERPAYING') throw new GatewayError('USERPAYING');
  return paymentFieldsOf(order);
}

function unifiedorder({ world }: Deps, input: V2Input): Answer {
  const trade_type = required(input.fields, 'trade_type');
  if (!isTradeType(trade_type)) throw new GatewayError('PARAM_ERROR', 'invalid trade_type');
  if (trade_type === 'JSAPI' && !input.fields.get('openid') && !input.fields.get('sub_openid')) throw new GatewayError('LACK_PARAMS', 'JSAPI支付必须传openid');
  const order = placeOrder(world, { ...newOrder(world, input, trade_type), notify_url: required(input.fields, 'notify_url') });
  const made = { trade_type, prepay_id: order.prepay?.id ?? '' };
  if (trade_type === 'NATIVE') return { ...made, code_url: codeUrlOf(order) };
  return trade_type === 'MWEB' ? { ...made, mweb_url: h5UrlOf(world, order) } : made;
}

const isTradeType = (text: string): text is Exclude<TradeType, 'MICROPAY'> => ['NATIVE', 'JSAPI', 'APP', 'MWEB'].includes(text);

/** The order that a call names by one of its numbers. */
function orderOf(world: World, input: V2Input): Order {
  const { merchant, fields } = input;
  const transaction_id = fields.get('transaction_id');
  const sub_mchid = subMchid(world, input);
  const order = transaction_id
    ? findByTransaction(world, transaction_id)
    : findOrder(world, orderId(merchant.mchid, sub_mchid, required(fields, 'out_trade_no')));
  if (order?.mchid !== merchant.mchid || order.sub_mchid !== sub_mchid) throw new GatewayError('ORDERNOTEXIST', 'order not exist');
  return order;
}

function orderquery({ world, faults }: Deps, input: V2Input): Answer {
  const found = orderOf(world, input);
  if (faults.take('query', ['not_found_lag'])) throw new GatewayError('ORDERNOTEXIST', 'order not exist');
  const order = faults.take('query', ['query_behind']) ? beforePayment(found) : found;
  const state = { trade_state: order.state, trade_state_desc: state_texts[order.state] };
  return isPaid(order) ? { ...paymentFieldsOf(order), ...state } : { out_trade_no: order.out_trade_no, total_fee: String(order.total), ...state };
}

function closeorder({ world }: Deps, input: V2Input): Answer {
  const order = orderOf(world, input);
  if (isPaid(order)) throw new GatewayError('ORDERPAID');
  closeOrder(world, order);
  return { result_msg: 'OK' };
}

function reverseOrder({ world }: Deps, input: V2Input): Answer {
  reverse(world, orderOf(world, input));
  return { recall: 'N' };
}

function refund({ world, faults, onRefund }: Deps, input: V2Input): Answer {
  const { fields } = input;
  const order = orderOf(world, input);
  const out_refund_no = required(fields, 'out_refund_no');
  const amount = feeOf(fields, 'refund_fee');
  const notify_url = fields.get('notify_url');
  const reason = fields.get('refund_desc');
  const { sign: _sign, nonce_str: _nonce, ...parameters } = Object.fromEntries(fields);
  const optional = { ...(reason ? { reason } : {}), ...(notify_url ? { notify_url } : {}) };
  const wanted = { out_refund_no, form: 'v2', amount, total: feeOf(fields, 'total_fee'), parameters: canonicalJson(parameters), ...optional } as const;
  const placed = placeRefund(world, order, wanted, refundEnd(faults));
  onRefund(placed);
  return {
    transaction_id: order.transaction_id ?? '',
    out_trade_no: order.out_trade_no,
    out_refund_no: placed.out_refund_no,
    refund_id: placed.refund_id,
    refund_fee: String(placed.amount),
    total_fee: String(order.total),
    cash_fee: String(order.total),
    cash_refund_fee: String(placed.amount),
  };
}

/** One refund by its own number, or all of an order. */
function refundquery({ world, faults, onSettled }: Deps, input: V2Input): Answer {
  const { merchant } = input;
  const owner = `${subMchid(world, input) ?? merchant.mchid}/`;
  const held = refundsNamed(world, input).filter(({ order_id }) => order_id.startsWith(owner));
  const order = world.tables.order.get(held[0]?.order_id ?? '');
  if (!order || faults.take('refund_query', ['not_found_lag'])) throw new GatewayError('REFUNDNOTEXIST');
  const settled = held.map((one) => settleRefund(world, one));
  for (const one of settled) if (one.settled) onSettled(order, one.refund);
  return {
    transaction_id: order.transaction_id ?? '',
    out_trade_no: order.out_trade_no,
    total_fee: String(order.total),
    cash_fee: String(order.total),
    fee_type: 'CNY',
    refund_count: String(settled.length),
    ...Object.assign({}, ...settled.map((one, index) => refundFieldsOf(one.refund, index))),
  };
}

/** The numbers count in this order; only the last two name a whole order. */
function refundsNamed(world: World, input: V2Input): readonly Refund[] {
  const refund_id = input.fields.get('refund_id');
  const out_refund_no = input.fields.get('out_refund_no');
  if (refund_id) return [world.tables.refund.get(refund_id) ?? []].flat();
  return out_refund_no ? refundsByNumber(world, out_refund_no) : refundsOf(world, orderOf(world, input).id);
}
