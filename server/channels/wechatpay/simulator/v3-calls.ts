import { canonicalJson } from '../../../kernel/digest.ts';
import { formatShanghaiRfc3339, parseRfc3339 } from '../../../kernel/time.ts';
import type { Faults } from '../../kit/faults.ts';
import type { Bills } from './bills.ts';
import {
  description_rule,
  type Input,
  notify_url_rule,
  optionalText,
  out_refund_no_rule,
  out_trade_no_rule,
  requireInteger,
  requireText,
  valueAt,
} from './checks.ts';
import { encryptResource } from './crypto.ts';
import { GatewayError } from './gateway-error.ts';
import { beforePayment, closeOrder, findByTransaction, findOrder, findRefund, placeOrder, placeRefund, settleRefund } from './ledger.ts';
import type { CallInput, Handlers } from './v3.ts';
import type { Handler } from './v3-routes.ts';
import { refundOf, transactionOf } from './views.ts';
import { type Merchant, type Order, orderId, type Refund, type TradeType, type World } from './world.ts';

/** What the calls of APIv3 do. */

type Deps = {
  readonly world: World;
  readonly bills: Bills;
  readonly faults: Faults;
  readonly onSettled: (order: Order, refund: Refund) => void;
  readonly onRefund: (refund: Refund) => void;
};
type Json = Record<string, unknown>;

export function createV3Handlers(deps: Deps): Handlers {
  const calls: Record<Handler, (input: CallInput) => Json | Buffer | undefined> = {
    prepay: (input) => prepay(deps, input),
    query_by_number: (input) => queryByNumber(deps, input),
    query_by_transaction: (input) => queryByTransaction(deps, input),
    close: (input) => close(deps, input),
    refund: (input) => refund(deps, input),
    query_refund: (input) => queryRefund(deps, input),
    trade_bill: (input) => deps.bills.link(input, 'trade'),
    fund_bill: (input) => deps.bills.link(input, 'fund'),
    download_bill: ({ merchant, query }) => deps.bills.file(merchant, query.get('token') ?? ''),
    certificates: ({ merchant }) => certificates(deps.world, merchant),
  };
  return { handle: (handler, input) => calls[handler](input) };
}

const trade_types: Record<string, TradeType> = { native: 'NATIVE', jsapi: 'JSAPI', miniprogram: 'JSAPI', app: 'APP', h5: 'MWEB' };
const methods = { NATIVE: 'wechat_qr', JSAPI: 'wechat_jsapi', APP: 'wechat_app', MWEB: 'wechat_h5', MICROPAY: 'wechat_barcode' } as const;

type Parties = Pick<Order, 'mchid' | 'appid'> & { readonly sub_mchid?: string; readonly sub_appid?: string };

const isPartner = ({ params }: CallInput): boolean => params.partner === 'partner';

/** The merchant of the body must be the one that signed, and its applications its own. */
function partiesOf(world: World, input: CallInput): Parties {
  const { merchant, body } = input;
  if (!isPartner(input)) {
    if (requireText(body, { path: 'mchid', label: '商户号', max: 32 }) !== merchant.mchid) throw mismatch();
    const appid = requireText(body, { path: 'appid', label: '公众账号ID', max: 32 });
    requireAppId(merchant, appid);
    return { mchid: merchant.mchid, appid };
  }
  if (requireText(body, { path: 'sp_mchid', label: '服务商户号', max: 32 }) !== merchant.mchid) throw mismatch();
  const appid = requireText(body, { path: 'sp_appid', label: '服务商应用ID', max: 32 });
  requireAppId(merchant, appid);
  const sub = subMerchant(world, merchant, requireText(body, { path: 'sub_mchid', label: '子商户号', max: 32 }));
  const sub_appid = optionalText(body, { path: 'sub_appid', label: '子商户应用ID', max: 32 });
  if (sub_appid !== undefined) requireAppId(sub, sub_appid);
  return { mchid: merchant.mchid, appid, sub_mchid: sub.mchid, ...(sub_appid === undefined ? {} : { sub_appid }) };
}

const mismatch = () => new GatewayError('PARAM_ERROR', 'http header中的mchid与post payload中的mchid不匹配');

function requireAppId(merchant: Merchant, appid: string): void {
  if (!merchant.appids.includes(appid)) throw new GatewayError('APPID_MCHID_NOT_MATCH');
}

function subMerchant(world: World, merchant: Merchant, sub_mchid: string): Merchant {
  const sub = world.tables.merchant.get(sub_mchid);
  if (sub?.sp_mchid !== merchant.mchid) throw new GatewayError('NO_AUTH', '特约商户与服务商没有受理关系');
  return sub;
}

/** The order's owner in a call that names merchants in its query or body. */
function ownerOf(world: World, input: CallInput, read: (name: string) => unknown): { mchid: string; sub_mchid: string | undefined } {
  const { merchant } = input;
  if (!isPartner(input)) {
    if (read('mchid') !== merchant.mchid) throw mismatch();
    return { mchid: merchant.mchid, sub_mchid: undefined };
  }
  if (read('sp_mchid') !== merchant.mchid) throw mismatch();
  return { mchid: merchant.mchid, sub_mchid: subMerchant(world, merchant, String(read('sub_mchid') ?? '')).mchid };
}

function prepay({ world }: Deps, input: CallInput): Json {
  const { body, params } = input;
  const trade_type = trade_types[params.product ?? ''] ?? 'NATIVE';
  const parties = partiesOf(world, input);
  const now = world.ports.clock.now();
  const time_expire = optionalText(body, { path: 'time_expire', label: '交易结束时间', max: 64 });
  const attach = optionalText(body, { path: 'attach', label: '附加数据', max: 128 });
  const device_id = optionalText(body, { path: 'scene_info/device_id', label: '商户端设备号', max: 32 });
  optionalText(body, { path: 'amount/currency', label: '货币类型', max: 16, form: /^CNY$/ });
  if (trade_type === 'MWEB') requireScene(body);
  const order = placeOrder(world, {
    form: 'v3',
    ...parties,
    out_trade_no: requireText(body, out_trade_no_rule),
    trade_type,
    method: params.product === 'miniprogram' ? 'wechat_mini' : methods[trade_type],
    description: requireText(body, description_rule),
    total: requireInteger(body, { path: 'amount/total', label: '总金额', min: 1 }),
    ...(attach === undefined ? {} : { attach }),
    ...(device_id === undefined ? {} : { device_id }),
    notify_url: requireText(body, notify_url_rule),
    payer: trade_type === 'JSAPI' ? requirePayer(body, isPartner(input)) : {},
    parameters: canonicalJson(body),
    expires_ms: expiryOf(now, time_expire),
  });
  if (trade_type === 'NATIVE') return { code_url: codeUrlOf(order) };
  return trade_type === 'MWEB' ? { h5_url: h5UrlOf(world, order) } : { prepay_id: order.prepay?.id };
}

export const codeUrlOf = ({ prepay: made }: Order): string => `weixin://wxpay/bizpayurl?pr=${made?.pr ?? ''}`;

/** The real one is at wx.tenpay.com; here it is the simulator's own page. */
export const h5UrlOf = (world: World, { prepay: made }: Order): string =>
  `${world.ports.base_url}/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=${made?.id ?? ''}&package=${made?.pr ?? ''}`;

function requireScene(body: Input): void {
  requireText(body, { path: 'scene_info/payer_client_ip', label: '用户终端IP', max: 45 });
  requireText(body, { path: 'scene_info/h5_info/type', label: '场景类型', max: 32, form: /^(?:Wap|iOS|Android)$/ });
}

function requirePayer(body: Input, partner: boolean): Order['payer'] {
  const rule = { label: '用户标识', max: 128, form: /^[0-9A-Za-z_-]+$/ };
  if (!partner) return { openid: requireText(body, { ...rule, path: 'payer/openid' }) };
  const sub_openid = optionalText(body, { ...rule, path: 'payer/sub_openid' });
  if (sub_openid === undefined) return { openid: requireText(body, { ...rule, path: 'payer/sp_openid' }) };
  if (valueAt(body, 'sub_appid') === undefined) throw new GatewayError('PARAM_ERROR', 'sub_openid存在时sub_appid必填');
  return { sub_openid };
}

const minute_ms = 60_000;
const week_ms = 7 * 24 * 60 * minute_ms;

/** An expiry that is too near is moved to one minute; without one an order lives a week. */
function expiryOf(now: Date, time_expire: string | undefined): number {
  if (time_expire === undefined) return now.getTime() + week_ms;
  const at = parseRfc3339(time_expire);
  if (!at) throw new GatewayError('PARAM_ERROR', '无法将 JSON 输入源“/body/time_expire”映射到目标字段“交易结束时间”中，此字段需要一个合法的 RFC3339 时间');
  return Math.max(at.getTime(), now.getTime() + minute_ms);
}

function queryByNumber({ world, faults }: Deps, input: CallInput): Json {
  const out_trade_no = requireText(input.params, { ...out_trade_no_rule, place: 'uri_template' });
  const { mchid, sub_mchid } = ownerOf(world, input, (name) => input.query.get(name) ?? undefined);
  const order = findOrder(world, orderId(mchid, sub_mchid, out_trade_no));
  if (!order || faults.take('query', ['not_found_lag'])) throw new GatewayError('ORDER_NOT_EXIST');
  return transactionOf(faults.take('query', ['query_behind']) ? beforePayment(order) : order);
}

function queryByTransaction({ world }: Deps, input: CallInput): Json {
  const { mchid, sub_mchid } = ownerOf(world, input, (name) => input.query.get(name) ?? undefined);
  const order = findByTransaction(world, input.params.transaction_id ?? '');
  if (!order || order.mchid !== mchid || order.sub_mchid !== sub_mchid) throw new GatewayError('ORDER_NOT_EXIST');
  return transactionOf(order);
}

function close({ world }: Deps, input: CallInput): undefined {
  const out_trade_no = requireText(input.params, { ...out_trade_no_rule, place: 'uri_template' });
  const { mchid, sub_mchid } = ownerOf(world, input, (name) => input.body[name]);
  const order = findOrder(world, orderId(mchid, sub_mchid, out_trade_no));
  if (order) closeOrder(world, order);
  else if (world.options.close_unknown === 404) throw new GatewayError('ORDER_NOT_EXIST');
}

/** Refunds name a sub-merchant in provider mode and nobody in direct mode. */
function refundOwner(world: World, merchant: Merchant, sub_mchid: string | undefined): { mchid: string; sub_mchid: string | undefined } {
  if (merchant.kind === 'direct') return { mchid: merchant.mchid, sub_mchid: undefined };
  if (sub_mchid === undefined) throw new GatewayError('PARAM_ERROR', '输入源“/body/sub_mchid”映射到字段“子商户号”必填性规则校验失败，此字段为必填项');
  return { mchid: merchant.mchid, sub_mchid: subMerchant(world, merchant, sub_mchid).mchid };
}

function refund({ world, faults, onRefund }: Deps, { merchant, body }: CallInput): Json {
  const owner = refundOwner(world, merchant, optionalText(body, { path: 'sub_mchid', label: '子商户号', max: 32 }));
  const transaction_id = optionalText(body, { path: 'transaction_id', label: '微信支付订单号', max: 32 });
  const out_trade_no = optionalText(body, out_trade_no_rule);
  if (transaction_id === undefined && out_trade_no === undefined) throw new GatewayError('PARAM_ERROR', '微信支付订单号与商户订单号不能同时为空');
  const out_refund_no = requireText(body, out_refund_no_rule);
  const amount = requireInteger(body, { path: 'amount/refund', label: '退款金额', min: 1 });
  const total = requireInteger(body, { path: 'amount/total', label: '原订单金额', min: 1 });
  requireText(body, { path: 'amount/currency', label: '退款币种', max: 16, form: /^CNY$/ });
  const reason = optionalText(body, { path: 'reason', label: '退款原因', max: 80 });
  const notify_url = optionalText(body, { ...notify_url_rule, label: '退款结果回调url' });
  const order =
    transaction_id === undefined ? findOrder(world, orderId(owner.mchid, owner.sub_mchid, out_trade_no ?? '')) : findByTransaction(world, transaction_id);
  if (!order || order.mchid !== owner.mchid || order.sub_mchid !== owner.sub_mchid) throw new GatewayError('RESOURCE_NOT_EXISTS', '订单不存在');
  const optional = { ...(reason === undefined ? {} : { reason }), ...(notify_url === undefined ? {} : { notify_url }) };
  const becomes = refundEnd(faults);
  const placed = placeRefund(world, order, { out_refund_no, form: 'v3', amount, total, parameters: canonicalJson(body), ...optional }, becomes);
  onRefund(placed);
  return refundOf(order, placed);
}

/** How the next refund ends: well, unless a fault says otherwise. */
export function refundEnd(faults: Faults): Refund['becomes'] {
  const fault = faults.take('refund', ['refund_fails']);
  if (!fault) return 'SUCCESS';
  return fault.code === 'ABNORMAL' ? 'ABNORMAL' : 'CLOSED';
}

function queryRefund({ world, faults, onSettled }: Deps, { merchant, params, query }: CallInput): Json {
  const out_refund_no = requireText(params, { ...out_refund_no_rule, place: 'uri_template' });
  const owner = refundOwner(world, merchant, query.get('sub_mchid') ?? undefined);
  const held = findRefund(world, owner.mchid, owner.sub_mchid, out_refund_no);
  const order = held && world.tables.order.get(held.order_id);
  if (!held || !order || faults.take('refund_query', ['not_found_lag'])) throw new GatewayError('RESOURCE_NOT_EXISTS');
  const { refund: now, settled } = settleRefund(world, held);
  if (settled) onSettled(order, now);
  return refundOf(order, now);
}

function certificates(world: World, merchant: Merchant): Json {
  if (merchant.public_key) {
    throw new GatewayError(
      'RESOURCE_NOT_EXISTS',
      '无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥。可查看指引https://pay.weixin.qq.com/doc/v3/merchant/4012153196',
    );
  }
  const data = [...world.tables.platform_key.values()].slice(-2).map((key) => ({
    serial_no: key.serial_no,
    effective_time: formatShanghaiRfc3339(new Date(key.effective_ms)),
    expire_time: formatShanghaiRfc3339(new Date(key.expire_ms)),
    encrypt_certificate: encryptResource(world, merchant, key.certificate_pem, 'certificate'),
  }));
  return { data };
}
