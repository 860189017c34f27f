import Type, { type Static } from 'typebox';
import { secretField, unsignedErrorsField } from '../define.ts';
import { certificateOf, privateKeyOf, publicKeyOf } from '../keys.ts';

const oneOf = <const T extends readonly string[]>(values: T, description: string) => Type.Unsafe<T[number]>({ type: 'string', enum: [...values], description });

const merchantNo = (description: string) => Type.String({ pattern: '^[0-9]{8,32}$', description });
const appId = (description: string) => Type.String({ pattern: '^[0-9A-Za-z]{1,32}$', description });

/** Settings of a WeChat Pay account. In provider mode every credential is the service provider's: sub-merchants have none. */
export const config = Type.Object(
  {
    mode: oneOf(['direct', 'provider'], 'Own contract, or through a service provider. 普通商户或服务商模式。'),
    mchid: merchantNo("Merchant number; the provider's in provider mode. 商户号（服务商模式填服务商商户号）。"),
    appid: appId("Application bound to mchid; the provider's in provider mode. 绑定的应用 ID。"),
    sub_mchid: Type.Optional(merchantNo('Sub-merchant that receives the money; provider mode only. 特约商户号（服务商模式必填）。')),
    sub_appid: Type.Optional(appId("Sub-merchant's application, if its openids are used. 特约商户应用 ID。")),
    serial_no: Type.String({ pattern: '^[0-9A-F]{8,40}$', description: 'Serial number of the merchant certificate, upper-case hex. 商户 API 证书序列号。' }),
    private_key: secretField('Merchant private key, apiclient_key.pem. 商户 API 私钥。', { maxLength: 8192 }),
    certificate: Type.Optional(
      Type.String({
        maxLength: 8192,
        description: 'Merchant certificate, apiclient_cert.pem: needed to reverse payment-code orders. 商户 API 证书，撤销付款码订单时需要。',
      }),
    ),
    apiv3_key: secretField('APIv3 key, 32 characters. APIv3 密钥。', { minLength: 32, maxLength: 32 }),
    apiv2_key: Type.Optional(secretField('APIv2 key, 32 characters: needed for payment codes. APIv2 密钥，付款码支付需要。', { minLength: 32, maxLength: 32 })),
    app_secret: Type.Optional(
      secretField(
        'Secret of the official account whose page pays (appid, or sub_appid where used): finds the payer of a cashier page. 公众号 AppSecret，收银台识别付款人时需要。',
        {
          maxLength: 64,
        },
      ),
    ),
    oauth_page_url: Type.Optional(
      Type.String({ pattern: '^https?://[^\\s?#]+[^/\\s?#]$', maxLength: 256, description: 'https://open.weixin.qq.com unless told. 网页授权页面地址。' }),
    ),
    oauth_api_url: Type.Optional(
      Type.String({ pattern: '^https?://[^\\s?#]+[^/\\s?#]$', maxLength: 256, description: 'https://api.weixin.qq.com unless told. 网页授权接口地址。' }),
    ),
    trust: oneOf(
      ['certificate', 'public_key'],
      'How answers are verified: platform certificates or the WeChat Pay public key. 验签方式：平台证书或微信支付公钥。',
    ),
    public_key_id: Type.Optional(Type.String({ pattern: '^PUB_KEY_ID_[0-9A-Za-z]{1,64}$', description: '微信支付公钥 ID。' })),
    public_key: Type.Optional(Type.String({ maxLength: 8192, description: 'WeChat Pay public key, PEM. 微信支付公钥。' })),
    gateway_url: Type.Optional(
      Type.String({ pattern: '^https?://[^\\s?#]+[^/\\s?#]$', maxLength: 256, description: 'https://api.mch.weixin.qq.com unless told. 网关地址。' }),
    ),
    trust_unsigned_errors: unsignedErrorsField(),
  },
  { additionalProperties: false },
);
export type Config = Static<typeof config>;

type Problem = { readonly param: string; readonly problem: string };

/** What the schema cannot say: fields that need each other, keys that parse, and a certificate that belongs to the key. */
export function checkConfig(settings: Config): Problem | undefined {
  return checkMode(settings) ?? checkMerchantKey(settings) ?? checkPaymentCodes(settings) ?? checkTrust(settings);
}

function checkMode({ mode, sub_mchid, sub_appid }: Config): Problem | undefined {
  if (mode === 'provider' && sub_mchid === undefined) return { param: 'sub_mchid', problem: 'is required in provider mode' };
  if (mode === 'direct' && sub_mchid !== undefined) return { param: 'sub_mchid', problem: 'belongs to provider mode' };
  if (mode === 'direct' && sub_appid !== undefined) return { param: 'sub_appid', problem: 'belongs to provider mode' };
  return undefined;
}

function checkMerchantKey({ private_key, apiv3_key, certificate, serial_no }: Config): Problem | undefined {
  const key = attempt(() => privateKeyOf(private_key));
  if (key?.asymmetricKeyType !== 'rsa') return { param: 'private_key', problem: 'is not an RSA private key in PEM' };
  if ((key.asymmetricKeyDetails?.modulusLength ?? 0) < 2048) return { param: 'private_key', problem: 'is shorter than 2048 bits' };
  if (Buffer.byteLength(apiv3_key.expose()) !== 32) return { param: 'apiv3_key', problem: 'must have exactly 32 bytes' };
  if (certificate === undefined) return undefined;
  const read = attempt(() => certificateOf(certificate));
  if (!read) return { param: 'certificate', problem: 'is not a certificate in PEM' };
  if (read.serial_no !== serial_no) return { param: 'serial_no', problem: `is not the certificate's, which is ${read.serial_no}` };
  if (!read.certificate.checkPrivateKey(key)) return { param: 'certificate', problem: 'does not belong to private_key' };
  return undefined;
}

function checkPaymentCodes({ apiv2_key, certificate }: Config): Problem | undefined {
  if (apiv2_key === undefined) return undefined;
  if (Buffer.byteLength(apiv2_key.expose()) !== 32) return { param: 'apiv2_key', problem: 'must have exactly 32 bytes' };
  return certificate === undefined
    ? { param: 'certificate', problem: 'is required with apiv2_key: a payment-code order could not be reversed without it' }
    : undefined;
}

function checkTrust({ trust, public_key, public_key_id }: Config): Problem | undefined {
  if (trust === 'public_key' && public_key_id === undefined) return { param: 'public_key_id', problem: 'is required for this trust' };
  if ((public_key_id === undefined) !== (public_key === undefined)) return { param: 'public_key', problem: 'goes together with public_key_id' };
  if (public_key === undefined) return undefined;
  return attempt(() => publicKeyOf(public_key))?.asymmetricKeyType === 'rsa' ? undefined : { param: 'public_key', problem: 'is not an RSA public key in PEM' };
}

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}

/** Where requests go: scheme and host, and the path before the gateway's own paths when it is mounted below one. */
export function gatewayOf(settings: Config): { readonly origin: string; readonly prefix: string } {
  const url = new URL(settings.gateway_url ?? 'https://api.mch.weixin.qq.com');
  return { origin: url.origin, prefix: url.pathname === '/' ? '' : url.pathname };
}

/**
 * The application of an order: in direct mode one appid; in provider mode the provider's appid and, if used, the
 * sub-merchant's. `invoked` is the one whose page or app calls the wallet, and the one that the payer's openid belongs to.
 */
export function applicationOf(
  settings: Config,
  app_id: string | undefined,
): { readonly appid: string; readonly sub_appid: string | undefined; readonly invoked: string } {
  if (settings.mode === 'direct') {
    const appid = app_id ?? settings.appid;
    return { appid, sub_appid: undefined, invoked: appid };
  }
  const scene = app_id ?? settings.sub_appid;
  const sub_appid = scene === settings.appid ? undefined : scene;
  return { appid: settings.appid, sub_appid, invoked: sub_appid ?? settings.appid };
}

/** The merchant number that the money belongs to; the provider's too, since the same sub-merchant may have several. */
export const receiver = ({ mode, mchid, sub_mchid }: Config): string => (mode === 'direct' ? mchid : `${mchid}/${sub_mchid}`);

/** Who must have received a payment of this account. Every success carries the same fields, read from its signed content. */
export function identity(settings: Config, { app_id }: { readonly app_id?: string }): Readonly<Record<string, string>> {
  const { appid } = applicationOf(settings, app_id);
  return settings.mode === 'direct' ? { mchid: settings.mchid, appid } : { sp_mchid: settings.mchid, sub_mchid: settings.sub_mchid ?? '', sp_appid: appid };
}
