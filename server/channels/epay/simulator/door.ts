import { createHash } from 'node:crypto';
import { type RawRequest, type Received, type Signature, type Trouble, textReply, type Unsealed, type WireReply } from '../../kit/gateway/wire.ts';
import type { Merchant, Order, World } from '../../kit/gateway/world.ts';
import { type Calls, type Fields, type Result, typeOf, yuanOf } from './calls.ts';

/** The door: signed forms at `mapi.php`, the key itself at `api.php`, JSON without signatures in answer. */

export function enroll(world: World): Promise<Record<string, unknown>> {
  const no = `1${world.digits(5)}`;
  const key = world.hex(32);
  world.put('merchant', { no, own: { key } });
  return Promise.resolve({ pid: no, key, gateway_url: world.ports.base_url });
}

export function receive(world: World, request: RawRequest, calls: Calls): Received {
  const query = new Map(new URLSearchParams(request.query));
  const fields: Fields = new Map([...query, ...new URLSearchParams(request.body.toString('utf8'))]);
  if (request.path.startsWith('/pay/')) return { reply: textReply('<!doctype html><title>支付（模拟）</title>', 'text/html;charset=utf-8') };
  const merchant = world.tables.merchant.get(fields.get('pid') ?? '');
  if (merchant === undefined) return { reply: json({ code: -3, msg: '商户不存在' }) };
  if (request.path === '/mapi.php') {
    if (fields.get('sign') !== signOf(fields, merchant, 'good')) return { reply: json({ code: -3, msg: '签名校验失败' }) };
    return called('mapi', merchant, fields, calls);
  }
  if (request.path !== '/api.php') return { reply: textReply('', 'text/plain', 404) };
  if (fields.get('key') !== merchant.own.key) return { reply: json({ code: -3, msg: '商户密钥错误' }) };
  return called(query.get('act') ?? '', merchant, fields, calls);
}

function called(route: string, merchant: Merchant, fields: Fields, calls: Calls): Received {
  const call = calls(route, merchant, fields);
  if (!call) return { reply: json({ code: -5, msg: 'No Act!' }) };
  return { call: { name: call.name, names: call.names, run: () => sealed(call.run()), fail: (trouble) => () => troubleOf(trouble) } };
}

function troubleOf(trouble: Trouble): WireReply {
  if (trouble === 'rate_limit') return textReply('', 'text/plain', 429);
  if (typeof trouble === 'object') return json({ code: Number(trouble.code), msg: '系统异常' });
  return trouble === 'server_error' ? textReply('', 'text/plain', 503) : json({ code: -77, msg: '从未见过的错误' });
}

/** What is done is done before the answer leaves; it carries no signature either way. */
const sealed =
  (result: Result): Unsealed =>
  () =>
    json(result);

const json = (value: unknown): WireReply => textReply(JSON.stringify(value), 'application/json; charset=utf-8');

function signOf(fields: Fields, { own }: Merchant, how: Signature): string {
  const names = [...fields.keys()].filter((name) => name !== 'sign' && name !== 'sign_type' && fields.get(name) !== '').sort();
  const text = names.map((name) => `${name}=${fields.get(name)}`).join('&');
  return createHash('md5')
    .update(`${text}${how === 'good' ? own.key : 'another key'}`)
    .digest('hex');
}

/** Parameters of a payment that was made, as the query of the GET. */
export function noticeQuery(signer: Merchant, order: Order, how: Signature): string {
  const fields = new Map<string, string>([
    ['pid', order.merchant],
    ['trade_no', order.own.trade_no ?? ''],
    ['out_trade_no', order.order_no],
    ['type', typeOf(order.method)],
    ['name', order.subject],
    ['money', yuanOf(order.amount_fen)],
    ['trade_status', 'TRADE_SUCCESS'],
    // Versions add parameters, and sign them too.
    ['param', ''],
    ['api_trade_no', `4200${order.own.trade_no ?? ''}`],
  ]);
  const sign = how === 'none' ? undefined : signOf(fields, signer, how);
  return new URLSearchParams([
    ...fields,
    ...(sign === undefined ? [] : [['sign', sign] as [string, string], ['sign_type', 'MD5'] as [string, string]]),
  ]).toString();
}
