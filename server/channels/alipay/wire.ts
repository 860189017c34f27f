import { formatShanghai } from '../../kernel/time.ts';
import type { Account, Ask, Env, Signable, Trust, Verdict, WireAnswer, WireRequest } from '../define.ts';
import { type Config, gatewayOf, keysOf } from './config.ts';
import { type CodeTable, gateway_codes, paying_code, success_code } from './errors.ts';
import { decryptContent, type Envelope, encryptContent, isEnvelopeSignedBy, readEnvelope, signed_without, stringToSign } from './sign.ts';

/** One call of the gateway: the API's name, its business content, and the parameters that stand beside it. */
export type Call = {
  readonly api: string;
  readonly content: Readonly<Record<string, unknown>>;
  /** For the few APIs whose parameters stand beside the common ones instead of in the content. */
  readonly params?: Readonly<Record<string, string>>;
  readonly notify_url?: string | undefined;
  readonly return_url?: string | undefined;
};

type Params = Readonly<Record<string, string>>;

/** All parameters but the signature; absent ones are left out, since an empty value would not be signed. */
function paramsOf({ api, content, params, notify_url, return_url }: Call, settings: Config, env: Env): Params {
  const { certificates } = keysOf(settings);
  const text = JSON.stringify(content);
  return {
    app_id: settings.app_id,
    method: api,
    format: 'JSON',
    charset: 'utf-8',
    sign_type: 'RSA2',
    timestamp: formatShanghai(env.now),
    version: '1.0',
    ...(notify_url === undefined ? {} : { notify_url }),
    ...(return_url === undefined ? {} : { return_url }),
    ...(certificates ? { app_cert_sn: certificates.app_sn, alipay_root_cert_sn: certificates.root_sn } : {}),
    ...(settings.app_auth_token ? { app_auth_token: settings.app_auth_token.expose() } : {}),
    ...(params ? params : settings.aes_key ? { encrypt_type: 'AES', biz_content: encryptContent(text, settings.aes_key.expose()) } : { biz_content: text }),
  };
}

/** Signs a call and hands every parameter on, signature included. */
export function signedCall<T>(call: Call, { config }: Account<Config>, env: Env, then: (params: Params) => T): Signable<T> {
  const params = paramsOf(call, config, env);
  const message = stringToSign(Object.entries(params), signed_without.request);
  // biome-ignore lint/suspicious/noThenProperty: the name is the interface's; a Signable goes to the client, which never awaits it.
  return { sign: { message, key: keysOf(config).app, digest: 'sha256' }, then: (sign) => then({ ...params, sign }) };
}

/** Kept out of the URL, which access logs show: the content, and what stands for the merchant's authorisation. */
const in_body = ['biz_content', 'app_auth_token', 'encrypt_type', 'code'];

/** The charset must be in the URL: where it is only in the body, some gateway pages fall back to GBK. */
export function splitParams(params: Params): { readonly query: string; readonly body: Params } {
  const entries = Object.entries(params);
  return {
    query: new URLSearchParams(entries.filter(([name]) => !in_body.includes(name))).toString(),
    body: Object.fromEntries(entries.filter(([name]) => in_body.includes(name))),
  };
}

/** A server-to-server call. */
export function requestCall(call: Call, account: Account<Config>, env: Env): Signable<WireRequest> {
  const { origin, path } = gatewayOf(account.config);
  return signedCall(call, account, env, (params) => {
    const { query, body } = splitParams(params);
    return {
      method: 'POST',
      origin,
      path: `${path}?${query}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded;charset=utf-8', accept: 'application/json' },
      body: new URLSearchParams(body).toString(),
    };
  });
}

const nodesOf = (api: string): string[] => [`${api.replaceAll('.', '_')}_response`, 'error_response'];

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Opens an answer without judging it. Undefined when it is not an answer of this API. */
export function envelopeOf({ body }: WireAnswer, api: string): Envelope | undefined {
  try {
    return readEnvelope(utf8.decode(body), nodesOf(api));
  } catch {
    return undefined;
  }
}

const certificate_sn_form = /^[0-9a-f]{32}$/;

/** Is the answer the gateway's? An unsigned one never is: the gateway leaves "unknown application" unsigned, and then nothing can be believed. */
export function verifyCall(api: string): (answer: WireAnswer, account: Account<Config>, trust: Trust) => Verdict {
  return (answer, { config }, trust) => {
    const envelope = answer.status === 200 ? envelopeOf(answer, api) : undefined;
    if (envelope?.sign === undefined) return 'invalid';
    const { alipay, certificates } = keysOf(config);
    const sn = certificates ? (envelope.certificate_sn ?? certificates.alipay_sn) : undefined;
    const key = sn === certificates?.alipay_sn ? alipay : trust.get(sn as string);
    if (key) return isEnvelopeSignedBy(key, envelope) ? 'valid' : 'invalid';
    return certificate_sn_form.test(sn as string) ? { unknown_key: sn as string } : 'invalid';
  };
}

/** What the gateway answered: its code, and the node's fields. */
export type Result = { readonly code: string; readonly sub_code: string | undefined; readonly sub_msg: string | undefined; readonly fields: Fields };
export type Fields = Readonly<Record<string, unknown>>;

/** Reads the node, decrypting it where the account encrypts. Throws when it cannot be read. */
export function readResult(answer: WireAnswer, api: string, { config }: Account<Config>): Result {
  const envelope = envelopeOf(answer, api);
  if (!envelope) throw new Error(`not an answer of ${api}`);
  const node: unknown = JSON.parse(envelope.raw);
  const fields: unknown = typeof node === 'string' && config.aes_key ? JSON.parse(decryptContent(node, config.aes_key.expose())) : node;
  if (typeof fields !== 'object' || fields === null) throw new Error(`the node of ${api} is no object`);
  const read = fields as Fields;
  const code = textOf(read, 'code');
  if (code === undefined) throw new Error(`the node of ${api} has no code`);
  return { code, sub_code: textOf(read, 'sub_code'), sub_msg: textOf(read, 'sub_msg'), fields: read };
}

/** A text field; undefined when absent or empty. Throws on another type: the gateway writes every value as text. */
export function textOf(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw new Error(`${name} is not text`);
  return value;
}

/** A listed final no, in our words. */
export type Refused = {
  readonly is: 'refused';
  readonly reason: Extract<CodeTable[string], { final: 'no' }>['reason'];
  readonly channel_code: string;
  readonly channel_message?: string;
};

/** What anything but a success means by these tables; the first that lists the code decides. */
export function refusalOf({ code, sub_code, sub_msg }: Result, ...tables: readonly CodeTable[]): Refused | Ask {
  const entry = sub_code === undefined ? undefined : tables.find((table) => Object.hasOwn(table, sub_code))?.[sub_code];
  if (entry?.final === 'no' && sub_code !== undefined && code !== success_code && code !== paying_code) {
    return { is: 'refused', reason: entry.reason, channel_code: sub_code, ...(sub_msg === undefined ? {} : { channel_message: sub_msg }) };
  }
  return asks(code, sub_code);
}

/** Nothing is settled, and why. */
export function asks(code: string, sub_code: string | undefined): Ask {
  return { is: 'ask', why: whyAsk(code, sub_code), detail: sub_code === undefined ? code : `${code} ${sub_code}` };
}

function whyAsk(code: string, sub_code: string | undefined): Ask['why'] {
  if (code === '40005') return 'rate_limited';
  if (code === '20000' || sub_code === 'ACQ.SYSTEM_ERROR' || sub_code === 'AQC.SYSTEM_ERROR') return 'server_error';
  return 'unlisted';
}

/** The tables of a payment or an undoing: a no of the gateway itself means that this call did nothing. */
export const withGateway = (table: CodeTable): readonly CodeTable[] => [table, gateway_codes];
