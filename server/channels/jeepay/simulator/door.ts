import { createHash } from 'node:crypto';
import { type RawRequest, type Received, type Signature, type Trouble, textReply, type Unsealed, type WireReply } from '../../kit/gateway/wire.ts';
import type { Merchant, World } from '../../kit/gateway/world.ts';
import type { Calls, Result } from './calls.ts';

/** The door: JSON or a form, a signature over the parameters, and answers that sign their data alone. */

export function enroll(world: World): Promise<Record<string, unknown>> {
  const no = `M${world.digits(10)}`;
  const own = { app_id: world.hex(24), app_secret: world.hex(64) };
  world.put('merchant', { no, own });
  return Promise.resolve({ mch_no: no, ...own, gateway_url: world.ports.base_url });
}

export function receive(world: World, request: RawRequest, calls: Calls): Received {
  if (request.method === 'GET') return { reply: textReply('<!doctype html><title>收银台（模拟）</title>', 'text/html;charset=utf-8') };
  const values = readValues(request);
  if (!values) return { reply: failed(10, '系统异常') };
  const merchant = world.tables.merchant.get(String(values.mchNo ?? ''));
  for (const name of ['mchNo', 'appId', 'version', 'signType', 'reqTime', 'sign']) if (!values[name]) return { reply: failed(11, `参数有误[${name}]`) };
  if (merchant === undefined || merchant.own.app_id !== values.appId) return { reply: failed(9999, '商户应用不存在') };
  if (String(values.sign).toUpperCase() !== signOf(values, merchant, 'good')) return { reply: failed(9999, '验签失败') };
  const call = calls(request.path, merchant, values);
  if (!call) return { reply: textReply('', 'text/plain', 404) };
  return { call: { name: call.name, names: call.names, run: () => sealed(call.run(), merchant), fail: (trouble) => () => troubleOf(trouble) } };
}

function readValues({ headers, body }: RawRequest): Record<string, unknown> | undefined {
  const text = body.toString('utf8');
  if (headers['content-type']?.includes('form')) return Object.fromEntries(new URLSearchParams(text));
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function troubleOf(trouble: Trouble): WireReply {
  if (trouble === 'rate_limit') return textReply('', 'text/plain', 429);
  if (typeof trouble === 'object') return failed(Number(trouble.code), '系统异常');
  return trouble === 'server_error' ? failed(10, '系统异常') : failed(7777, '从未见过的错误');
}

const failed = (code: number, msg: string): WireReply => json({ code, msg, data: null, sign: null });
const json = (value: unknown): WireReply => textReply(JSON.stringify(value), 'application/json;charset=UTF-8');

const sealed =
  (result: Result, merchant: Merchant): Unsealed =>
  (how) =>
    'msg' in result
      ? failed(result.code, result.msg)
      : json({ code: 0, msg: 'SUCCESS', data: result.data, ...(how === 'none' ? {} : { sign: signOf(result.data, merchant, how) }) });

/** Pieces sorted without regard to case, the secret at the end. */
export function signOf(values: Readonly<Record<string, unknown>>, { own }: Merchant, how: Signature): string {
  const pieces: string[] = [];
  for (const [name, value] of Object.entries(values)) if (name !== 'sign' && value !== null && value !== '') pieces.push(`${name}=${value}&`);
  pieces.sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
  const secret = how === 'good' ? own.app_secret : own.app_id;
  return createHash('md5')
    .update(`${pieces.join('')}key=${secret}`)
    .digest('hex')
    .toUpperCase();
}
