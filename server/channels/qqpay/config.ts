import { X509Certificate } from 'node:crypto';
import Type, { type Static } from 'typebox';
import { secretField } from '../define.ts';
import { readRsaKey } from '../keys.ts';

const oneOf = <const T extends readonly string[]>(values: T, description: string) => Type.Unsafe<T[number]>({ type: 'string', enum: [...values], description });
const no = (description: string) => Type.String({ pattern: '^[0-9A-Za-z]{1,32}$', description });
const url = (description: string) => Type.String({ pattern: '^https?://[^\\s?#]+[^/\\s?#]$', maxLength: 256, description });

/** Settings of a QQ Wallet account. Through a service provider every credential is the provider's. */
export const config = Type.Object(
  {
    mode: oneOf(['direct', 'provider'], 'Own contract, or through a service provider. 普通商户或服务商模式。'),
    mch_id: no("Merchant number; the provider's in provider mode. 商户号（服务商模式填服务商商户号）。"),
    sub_mch_id: Type.Optional(no('Sub-merchant that receives the money; provider mode only. 子商户号（服务商模式必填）。')),
    appid: Type.Optional(no('Application at QQ. QQ 应用 ID。')),
    sub_appid: Type.Optional(no("Sub-merchant's application. 子商户应用 ID。")),
    app_key: Type.Optional(
      secretField('AppKey of the application (sub_appid, or else appid): signs what an app hands to QQ; qq_app needs it. 应用的 AppKey，APP 支付需要。', {
        maxLength: 128,
      }),
    ),
    key: secretField('Key of the merchant, for signatures. 商户密钥。', { maxLength: 128 }),
    sign_type: oneOf(['MD5', 'HMAC-SHA256'], 'How messages are signed. 签名方式。'),
    certificate: Type.Optional(
      Type.String({ maxLength: 8192, description: 'Client certificate, PEM: refunds and reversals need it. 客户端证书，退款与撤销需要。' }),
    ),
    private_key: Type.Optional(secretField('Private key of the client certificate, PEM. 客户端证书私钥。', { maxLength: 8192 })),
    op_user_id: Type.Optional(no('Operator of refunds; the merchant number unless told. 退款操作员，默认商户号。')),
    op_user_passwd: Type.Optional(
      secretField("Operator's password, exactly as it is to be sent: SDKs send its MD5 in hex. 操作员密码，按发送的原样填写（SDK 通常发送其 MD5）。", {
        maxLength: 64,
      }),
    ),
    gateway_url: Type.Optional(url('https://qpay.qq.com unless told. 网关地址。')),
    secure_url: Type.Optional(url('https://api.qpay.qq.com unless told: where the certificate is shown. 需要证书的网关地址。')),
  },
  { additionalProperties: false },
);
export type Config = Static<typeof config>;

type Problem = { readonly param: string; readonly problem: string };

/** What the schema cannot say: fields that need each other, and a certificate that belongs to its key. */
export function checkConfig({ mode, sub_mch_id, appid, sub_appid, app_key, certificate, private_key }: Config): Problem | undefined {
  if (mode === 'provider' && sub_mch_id === undefined) return { param: 'sub_mch_id', problem: 'is required in provider mode' };
  if (mode === 'direct' && sub_mch_id !== undefined) return { param: 'sub_mch_id', problem: 'belongs to provider mode' };
  if (mode === 'direct' && sub_appid !== undefined) return { param: 'sub_appid', problem: 'belongs to provider mode' };
  if (app_key !== undefined && (sub_appid ?? appid) === undefined) return { param: 'appid', problem: 'goes together with app_key' };
  if ((certificate === undefined) !== (private_key === undefined)) return { param: 'private_key', problem: 'goes together with certificate' };
  if (certificate === undefined || private_key === undefined) return undefined;
  const key = readRsaKey('private', private_key.expose());
  if (!key) return { param: 'private_key', problem: 'is not an RSA private key' };
  const shown = readCertificate(certificate);
  if (!shown) return { param: 'certificate', problem: 'is not a certificate in PEM' };
  return shown.checkPrivateKey(key) ? undefined : { param: 'certificate', problem: 'does not belong to private_key' };
}

/** Has the account what an app's order is signed with? */
export const isReadyForApps = ({ app_key, appid, sub_appid }: Config): boolean => app_key !== undefined && (sub_appid ?? appid) !== undefined;

function readCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

/** Where a call goes; reversals and refunds have a host of their own, which asks for the certificate. */
export function hostOf({ gateway_url, secure_url }: Config, secure: boolean): { readonly origin: string; readonly prefix: string } {
  const { origin, pathname } = new URL((secure ? secure_url : gateway_url) ?? (secure ? 'https://api.qpay.qq.com' : 'https://qpay.qq.com'));
  return { origin, prefix: pathname === '/' ? '' : pathname };
}

/** Who must have received a payment of this account. */
export const identity = ({ mode, mch_id, sub_mch_id }: Config): Readonly<Record<string, string>> =>
  mode === 'direct' ? { mch_id } : { mch_id, sub_mch_id: sub_mch_id ?? '' };

export const receiver = ({ mode, mch_id, sub_mch_id }: Config): string => (mode === 'direct' ? mch_id : `${mch_id}/${sub_mch_id}`);
