import { createPublicKey, type KeyObject } from 'node:crypto';
import { type Charset, charsetOf, decodeForm, type Form, readForm } from '../form.ts';
import { decryptContent, isSignedBy, signed_without, stringToSign } from '../sign.ts';
import type { Content } from './content.ts';
import type { App, Ledger } from './ledger.ts';
import { failure, type Outcome } from './outcome.ts';
import type { Caller } from './trades.ts';
import { token_api } from './wallet.ts';

/** A call that passed every check of the gateway. */
export type Call = {
  readonly api: string;
  readonly app: App;
  readonly caller: Caller;
  readonly content: Content;
  readonly encrypted: boolean;
};

/** A call that did not. `app` is absent when the application is not known: the gateway then signs nothing. */
export type Refusal = { readonly outcome: Outcome; readonly app: App | undefined; readonly charset: Charset; readonly node: string };

export const isRefusal = (value: Call | Refusal): value is Refusal => 'outcome' in value;

export const nodeOf = (api: string): string => `${api.replaceAll('.', '_')}_response`;

/** Query and body are one set of parameters; what both name is taken from the body. */
export function mergeParams(query: string, body: Buffer): Form | undefined {
  const forms = [readForm(Buffer.from(query, 'latin1')), readForm(body)];
  if (forms.some((form) => form === undefined)) return undefined;
  return new Map(forms.flatMap((form) => [...(form ?? [])]));
}

const timestamp_form = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/;

/** The gateway's checks, in the gateway's order: the application comes before its signature, the content last. */
export function readRequest(form: Form, ledger: Ledger, known_apis: ReadonlySet<string>): Call | Refusal {
  const charset = charsetOf(form.get('charset')) ?? 'utf-8';
  const params = decodeForm(form, charset) ?? new Map<string, string>();
  const given = (name: string): string | undefined => params.get(name) || undefined;
  const api = given('method');
  const node = api !== undefined && known_apis.has(api) ? nodeOf(api) : 'error_response';
  const app = ledger.apps.get(given('app_id') ?? '');
  const refuse = (outcome: Outcome): Refusal => ({ outcome, app, charset, node });
  if (api === undefined) return refuse(failure('40001', 'isv.missing-method', '缺少方法名参数'));
  if (given('app_id') === undefined) return refuse(failure('40001', 'isv.missing-app-id', '缺少AppID参数'));
  if (!app) return refuse(failure('40002', 'isv.invalid-app-id', '无效的AppID参数'));
  const outcome =
    checkCommon(params) ?? checkCertificates(app, given) ?? checkSignature(app, form, params) ?? checkApi(api, known_apis) ?? checkToken(app, given, ledger);
  if (outcome) return refuse(outcome);
  const content = api === token_api ? { content: Object.fromEntries(params) } : readContent(app, given);
  if ('failed' in content) return refuse(content.failed);
  const caller: Caller = { ...representedBy(app, given('app_auth_token'), ledger), charset, notify_url: given('notify_url'), return_url: given('return_url') };
  return { api, app, caller, content: content.content, encrypted: given('encrypt_type') !== undefined };
}

type Given = (name: string) => string | undefined;

function checkCommon(params: ReadonlyMap<string, string>): Outcome | undefined {
  const missing = (name: string, text: string) => (params.get(name) ? undefined : failure('40001', `isv.missing-${name.replaceAll('_', '-')}`, text));
  const format = params.get('format');
  if (!params.get('sign_type')) return failure('40001', 'isv.missing-signature-type', '缺少签名类型参数');
  if (params.get('sign_type') !== 'RSA2') return failure('40002', 'isv.invalid-signature-type', '无效的签名类型');
  const absent = missing('timestamp', '缺少时间戳参数') ?? missing('version', '缺少版本参数');
  if (absent) return absent;
  if (!timestamp_form.test(params.get('timestamp') ?? '')) return failure('40002', 'isv.invalid-timestamp', '非法的时间戳参数');
  if (params.get('charset') && !charsetOf(params.get('charset'))) return failure('40002', 'isv.invalid-charset', '字符集错误');
  if (format && format.toLowerCase() !== 'json') return failure('40002', 'isv.invalid-format', '无效的数据格式');
  return undefined;
}

function checkCertificates(app: App, given: Given): Outcome | undefined {
  if (app.trust === 'key') return undefined;
  const app_cert_sn = given('app_cert_sn');
  const root_cert_sn = given('alipay_root_cert_sn');
  if (app_cert_sn === undefined) return failure('40002', 'isv.missing-app-cert-sn', '缺少应用公钥证书序列号');
  if (root_cert_sn === undefined) return failure('40002', 'isv.missing-alipay-root-cert-sn', '缺少支付宝根证书序列号');
  if (app_cert_sn !== app.app_cert_sn) return failure('40002', 'isv.app-cert-not-exist', '应用公钥证书不存在');
  return root_cert_sn === app.root_cert_sn ? undefined : failure('40002', 'isv.invalid-alipay-root-cert-sn', '支付宝根证书序列号错误');
}

/** The refusal shows the text that the gateway made, with `&` as `&amp;`: that is how integrators find their mistake. */
function checkSignature(app: App, form: Form, params: ReadonlyMap<string, string>): Outcome | undefined {
  const sign = params.get('sign');
  if (!sign) return failure('40001', 'isv.missing-signature', '缺少签名参数');
  const signed = stringToSign(form, signed_without.request);
  if (isSignedBy(publicKeyOf(app), Buffer.from(signed, 'latin1'), sign)) return undefined;
  const shown = stringToSign(params, signed_without.request).replaceAll('&', '&amp;');
  const text = `验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配，网关生成的验签字符串为：${shown}`;
  return failure('40002', 'isv.invalid-signature', text);
}

const checkApi = (api: string, known_apis: ReadonlySet<string>): Outcome | undefined =>
  known_apis.has(api) ? undefined : failure('40002', 'isv.invalid-method', '不存在的方法名');

export function checkToken(app: App, given: Given, ledger: Ledger): Outcome | undefined {
  const token = given('app_auth_token');
  if (token === undefined) return app.is_provider ? failure('40006', 'isv.self-invoke-forbidden', '不允许应用自调用') : undefined;
  return ledger.authorisations.get(token)?.app_id === app.app_id ? undefined : failure('20001', 'aop.invalid-app-auth-token', '无效的应用授权令牌');
}

/** Whose money and whose orders: the merchant that authorised, or the application's own owner. */
export function representedBy(app: App, token: string | undefined, ledger: Ledger): Pick<Caller, 'pid' | 'app_id' | 'auth_app_id'> {
  const authorisation = token === undefined ? undefined : ledger.authorisations.get(token);
  return { app_id: app.app_id, pid: authorisation?.pid ?? app.pid, auth_app_id: authorisation?.auth_app_id ?? app.app_id };
}

function readContent(app: App, given: Given): { readonly content: Content } | { readonly failed: Outcome } {
  const encrypt_type = given('encrypt_type');
  if (encrypt_type !== undefined && encrypt_type !== 'AES') return { failed: failure('40002', 'isv.invalid-encrypt-type', '无效的加密类型') };
  let text = given('biz_content') ?? '{}';
  if (encrypt_type !== undefined) {
    try {
      text = decryptContent(text, app.aes_key);
    } catch {
      return { failed: failure('40003', 'isv.decryption-error-unknown', '解密出错, 未知错误') };
    }
  }
  const content = parseContent(text);
  return content ? { content } : { failed: failure('40002', 'isv.illegal-json', 'biz_content不是合法的JSON') };
}

export function parseContent(text: string): Content | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Content) : undefined;
  } catch {
    return undefined;
  }
}

const public_keys = new WeakMap<App, KeyObject>();

export function publicKeyOf(app: App): KeyObject {
  const key = public_keys.get(app) ?? createPublicKey(app.public_key);
  public_keys.set(app, key);
  return key;
}
