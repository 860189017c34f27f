import type { FastifyReply, FastifyRequest } from 'fastify';
import { call_faults } from '../../kit/faults.ts';
import { decryptContent, encryptContent, isSignedBy } from '../sign.ts';
import { runApi } from './apis.ts';
import type { Content } from './content.ts';
import { optionalText } from './content.ts';
import { cut, drop, faultOutcome, type GatewayParts, proxy_page, spoiled } from './gateway.ts';
import type { App } from './ledger.ts';
import { failure, type Outcome } from './outcome.ts';
import { checkToken, parseContent, publicKeyOf, representedBy } from './request.ts';
import { signBytes } from './text.ts';
import { type Authorization, readAuthorization, v3RequestText, v3ResponseText } from './v3-text.ts';

/** How far a client's clock may be off. */
const skew_ms_max = 10 * 60_000;

const status_of: Readonly<Record<string, number>> = { '20000': 500, '20001': 401, '40005': 429, '40006': 401 };

/** Gateway codes lose their prefix in v3; business codes keep theirs. */
const v3Code = (sub_code: string): string => sub_code.replace(/^(isv|aop|isp)\./, '');

type Read = { readonly app: App; readonly content: Content; readonly encrypted: boolean; readonly token: string | undefined };

/**
 * OpenAPI v3: one path for each API, the answer is the bare object, and the signature is in a header.
 * @see https://opendocs.alipay.com/open-v3/054d0y
 */
export function createV3(parts: GatewayParts) {
  const { clock, ledger, authority, faults, apis, newTraceId } = parts;

  function refuse(reply: FastifyReply, { code, sub_code = '', sub_msg = '' }: Outcome): FastifyReply {
    const trace_id = newTraceId();
    const links = [{ link: `https://open.alipay.com/api/errCheck?traceId=${trace_id}&source=openapi`, desc: '解决方案' }];
    return reply
      .code(status_of[code] ?? 400)
      .header('alipay-trace-id', trace_id)
      .send({ code: v3Code(sub_code), message: sub_msg, links });
  }

  function read(request: FastifyRequest, path: string, body: Buffer): Read | Outcome {
    const authorization = readAuthorization(String(request.headers.authorization ?? ''));
    if (!authorization) return failure('40001', 'isv.missing-timestamp', '缺少时间戳参数');
    const app = ledger.apps.get(authorization.values.get('app_id') ?? '');
    if (!app) return failure('40002', 'isv.invalid-app-id', '无效的AppID参数');
    const header = (name: string): string | undefined => (typeof request.headers[name] === 'string' ? (request.headers[name] as string) : undefined);
    const token = header('alipay-app-auth-token');
    const refusal =
      checkTime(authorization, clock.now()) ??
      checkCertificate(app, authorization, header('alipay-root-cert-sn')) ??
      checkSignature(app, authorization, request, path, body, token) ??
      checkToken(app, (name) => (name === 'app_auth_token' ? token : undefined), ledger);
    if (refusal) return refusal;
    const encrypted = header('alipay-encrypt-type') === 'AES';
    const content = readBody(app, body, encrypted);
    return content ? { app, content, encrypted, token } : failure('40002', 'isv.illegal-json', '请求体不是合法的JSON');
  }

  async function answer(reply: FastifyReply, { app, encrypted }: Read, outcome: Outcome, fault: ReturnType<typeof faults.take>): Promise<FastifyReply> {
    const fields = Object.entries(outcome.fields).filter(([, value]) => value !== undefined && value !== '');
    const text = JSON.stringify(Object.fromEntries(fields.sort(([a], [b]) => (a < b ? -1 : 1))));
    const body = encrypted ? encryptContent(text, app.aes_key) : text;
    if (fault?.kind === 'cut_answer') return cut(reply, Buffer.from(body));
    reply
      .code(200)
      .header('alipay-trace-id', newTraceId())
      .type(encrypted ? 'text/plain;charset=utf-8' : 'application/json;charset=utf-8');
    if (fault?.kind !== 'unsigned_answer') {
      const timestamp = String(clock.now().getTime());
      const nonce = newTraceId();
      const { key, certificate_sn } = await authority.signer(app.trust);
      const sign = signBytes(Buffer.from(v3ResponseText(timestamp, nonce, body)), key);
      reply.headers({ 'alipay-timestamp': timestamp, 'alipay-nonce': nonce, 'alipay-signature': fault?.kind === 'bad_signature' ? spoiled(sign) : sign });
      if (certificate_sn !== undefined) reply.header('alipay-sn', certificate_sn);
    }
    return reply.send(body);
  }

  return async function serve(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const path = `/v3/${(request.params as { '*': string })['*']}`;
    const name = path.slice('/v3/'.length).replaceAll('/', '.');
    const api = apis.get(name);
    const fault = api && faults.take(api.on, call_faults);
    if (fault?.kind === 'slow') await clock.sleep(fault.ms ?? 0);
    if (fault?.kind === 'drop_before') return drop(reply);
    const call = read(request, path, Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0));
    if ('code' in call) return refuse(reply, call);
    if (!api) return refuse(reply, failure('40002', 'isv.invalid-method', '不存在的方法名'));
    const notify_url = optionalText(call.content, 'notify_url', 256);
    const caller = { ...representedBy(call.app, call.token, ledger), charset: 'utf-8' as const, notify_url, return_url: undefined };
    const outcome = faultOutcome(fault) ?? (await runApi(api, caller, call.content));
    if (fault?.kind === 'drop_after') return drop(reply);
    if (fault?.kind === 'html_answer') return reply.code(200).type('text/html').send(proxy_page);
    return outcome.sub_code === undefined ? answer(reply, call, outcome, fault) : refuse(reply, outcome);
  };
}

function checkTime({ values }: Authorization, now: Date): Outcome | undefined {
  const skew_ms = Math.abs(Number(values.get('timestamp') ?? Number.NaN) - now.getTime());
  return skew_ms <= skew_ms_max ? undefined : failure('40002', 'isv.invalid-timestamp', '非法的时间戳参数');
}

function checkCertificate(app: App, { values }: Authorization, root_cert_sn: string | undefined): Outcome | undefined {
  if (app.trust === 'key') return undefined;
  if (values.get('app_cert_sn') !== app.app_cert_sn) return failure('40002', 'isv.app-cert-not-exist', '应用公钥证书不存在');
  return root_cert_sn === app.root_cert_sn ? undefined : failure('40002', 'isv.invalid-alipay-root-cert-sn', '支付宝根证书序列号错误');
}

/** A client signs the path that it was told to call, which is not the whole path where the gateway is mounted below one. */
function checkSignature(
  app: App,
  { auth_string, sign }: Authorization,
  request: FastifyRequest,
  path: string,
  body: Buffer,
  token: string | undefined,
): Outcome | undefined {
  const whole = request.raw.url ?? '';
  const query = whole.includes('?') ? whole.slice(whole.indexOf('?')) : '';
  const is_signed = [path + query, whole].some((uri) => {
    const text = v3RequestText(auth_string, request.method, uri, body.toString('utf8'), token);
    return isSignedBy(publicKeyOf(app), Buffer.from(text), sign);
  });
  return is_signed ? undefined : failure('40002', 'isv.invalid-signature', '验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配');
}

function readBody(app: App, body: Buffer, encrypted: boolean): Content | undefined {
  const text = body.toString('utf8');
  if (text === '') return {};
  try {
    return parseContent(encrypted ? decryptContent(text, app.aes_key) : text);
  } catch {
    return undefined;
  }
}
