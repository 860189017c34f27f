import type { Trouble, Unsealed, WireReply } from '../../kit/gateway/wire.ts';
import { type Signature, signatureHeaders, verifyRequest } from './crypto.ts';
import { type GatewayCode, GatewayError, isGatewayCode } from './gateway-error.ts';
import { requestId } from './notices.ts';
import { type Handler, routes } from './v3-routes.ts';
import type { RawRequest, Received } from './wire.ts';
import type { Merchant, World } from './world.ts';

/**
 * The door of APIv3. Order of checks, as on the live gateway: headers, syntax of Authorization, time, merchant and serial
 * number, signature; only then parameters and business.
 */
export function receiveV3(world: World, request: RawRequest, handlers: Handlers): Received {
  const [path = '', query = ''] = request.path.split('?', 2);
  const matching = routes.filter(({ pattern }) => pattern.test(path));
  if (matching.length === 0) return { reply: emptyReply(404) };
  const route = matching.find(({ method }) => method === request.method);
  if (!route) return { reply: emptyReply(405) };
  const trading = path.startsWith('/v3/pay/');
  try {
    if (!trading) requireHeaders(request);
    const merchant = authenticate(world, request, trading);
    const how = answerKeyOf(merchant, request.headers['wechatpay-serial']);
    const names = route.pattern.exec(path)?.groups ?? {};
    const params = Object.fromEntries(Object.entries(names).map(([name, value]) => [name, decodeURIComponent(value ?? '')]));
    const run = () => handlers.handle(route.handler, { merchant: how, params, query: new URLSearchParams(query), body: bodyOf(request) });
    return { call: { name: route.call, run: () => answer(world, how, run), fail: (trouble) => sealedError(world, how, troubleError(trouble)) } };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return { reply: errorReply(world, error, { request_id: !(trading && error.code === 'SIGN_ERROR') }) };
  }
}

/** The calls of APIv3, given their checked caller. An answer without a body is a 204. */
export type Handlers = { readonly handle: (handler: Handler, input: CallInput) => Answer };
/** A file is sent as it is, without a signature. */
type Answer = Record<string, unknown> | Buffer | undefined;
export type CallInput = {
  readonly merchant: Merchant;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
};

function requireHeaders({ headers }: RawRequest): void {
  if (!headers.accept || !headers['user-agent']) throw new GatewayError('INVALID_REQUEST', 'Http头缺少Accept或User-Agent');
}

function authenticate(world: World, request: RawRequest, trading: boolean): Merchant {
  const syntax = trading ? '签名信息错误，验签失败' : 'Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》';
  const { authorization } = request.headers;
  if (authorization === undefined) throw new GatewayError('SIGN_ERROR', syntax);
  const space = authorization.indexOf(' ');
  if (authorization.slice(0, space) !== 'WECHATPAY2-SHA256-RSA2048')
    throw new GatewayError('SIGN_ERROR', trading ? syntax : 'Http头Authorization认证类型不正确');
  const fields = Object.fromEntries([...authorization.slice(space + 1).matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
  const { mchid, nonce_str, signature, timestamp, serial_no } = fields;
  if (!mchid || !nonce_str || nonce_str.length > 32 || !signature || !timestamp || !serial_no) throw new GatewayError('SIGN_ERROR', syntax);
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(world.now_ms() / 1000 - Number(timestamp)) > 300) {
    throw new GatewayError('SIGN_ERROR', 'Http头Authorization中的timestamp与发起请求的时间不得超过5分钟');
  }
  const merchant = world.tables.merchant.get(mchid);
  if (!merchant || merchant.kind === 'sub' || merchant.serial_no !== serial_no) {
    throw new GatewayError('SIGN_ERROR', '商户证书序列号有误。请使用签名私钥匹配的证书序列号');
  }
  // Mounted below a prefix, the caller signs the target that it sends; a gateway behind a proxy would see the shorter one.
  const signed = [request.target, request.path].some((target) => verifyRequest(world, merchant, messageOf(request, target, timestamp, nonce_str), signature));
  if (!signed) throw signatureError(request, trading, messageOf(request, request.target, timestamp, nonce_str));
  return merchant;
}

const messageOf = ({ method, body }: RawRequest, target: string, timestamp: string, nonce: string): string =>
  `${method}\n${target}\n${timestamp}\n${nonce}\n${body}\n`;

/** Outside the trade interfaces the gateway shows what it verified. */
function signatureError({ method, target }: RawRequest, trading: boolean, message: string): GatewayError {
  if (trading) return new GatewayError('SIGN_ERROR', '签名错误');
  const sign_information = { method, sign_message_length: Buffer.byteLength(message), truncated_sign_message: message.slice(0, 1024), url: target };
  return new GatewayError('SIGN_ERROR', '错误的签名，验签失败', {
    detail: { issue: 'sign not match' },
    field: 'signature',
    location: 'authorization',
    sign_information,
  });
}

/** A caller that names a key must name one that is its own. */
function answerKeyOf(merchant: Merchant, named: string | undefined): Merchant {
  const wrong = named?.startsWith('PUB_KEY_ID_') === true && named !== merchant.public_key?.id;
  if (wrong) throw new GatewayError('PARAM_ERROR', '平台证书序列号Wechatpay-Serial错误');
  return merchant;
}

function bodyOf({ method, body }: RawRequest): Readonly<Record<string, unknown>> {
  if (method === 'GET') return {};
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Answered below: the body is not an object either way.
  }
  throw new GatewayError('PARAM_ERROR', '请求的body不是合法的JSON对象', { location: 'body' });
}

function answer(world: World, merchant: Merchant, run: () => Answer): Unsealed {
  try {
    const json = run();
    if (Buffer.isBuffer(json)) return () => ({ status: 200, headers: { 'Content-Type': 'application/octet-stream', ...common_headers }, body: json });
    return (how) => jsonReply(world, merchant, json === undefined ? { status: 204, body: '' } : { status: 200, body: JSON.stringify(json) }, how);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return sealedError(world, merchant, error);
  }
}

function sealedError(world: World, merchant: Merchant, error: { status: number; code: string; message: string; detail?: unknown }): Unsealed {
  const { code, message, detail } = error;
  const body = JSON.stringify({ code, message, ...(detail === undefined ? {} : { detail }) });
  return (how) => jsonReply(world, merchant, { status: error.status, body }, world.options.sign_errors ? how : 'none');
}

function troubleError(trouble: Trouble): { status: number; code: string; message: string } {
  if (trouble === 'unlisted_code') return { status: 400, code: 'NEWLY_INVENTED', message: '未知错误' };
  const code = trouble === 'server_error' ? 'SYSTEM_ERROR' : trouble === 'rate_limit' ? 'FREQUENCY_LIMITED' : trouble.code;
  return isGatewayCode(code) ? new GatewayError(code) : { status: 400, code, message: code };
}

const common_headers = { 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-cache, must-revalidate', 'Content-Language': 'zh-CN' };

function jsonReply(world: World, merchant: Merchant, { status, body }: { status: number; body: string }, how: Signature): WireReply {
  const headers = {
    ...(body === '' ? {} : { 'Content-Type': 'application/json; charset=utf-8' }),
    'Request-ID': requestId(world, status < 400 ? 0 : 268_435_456 + status),
    ...common_headers,
    ...signatureHeaders(world, merchant, body, how),
  };
  return { status, headers, body };
}

const emptyReply = (status: number): WireReply => ({ status, headers: {}, body: '' });

/** Requests that are turned away at the door are answered without a signature. */
function errorReply(world: World, { status, code, message, detail }: GatewayError, { request_id }: { request_id: boolean }): WireReply {
  const body = JSON.stringify({ code: code satisfies GatewayCode, message, ...(detail === undefined ? {} : { detail }) });
  return {
    status,
    headers: { 'Content-Type': 'application/json; charset=utf-8', ...(request_id ? { 'Request-ID': requestId(world, 268_443_699) } : {}), ...common_headers },
    body,
  };
}
