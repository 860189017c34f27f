import { X509Certificate } from 'node:crypto';
import Type, { type Static } from 'typebox';
import { secretField } from '../define.ts';
import { readRsaKey } from '../keys.ts';

const no = (description: string) => Type.String({ pattern: '^[0-9A-Za-z]{1,32}$', description });
const pem = (description: string) => Type.String({ maxLength: 8192, description });

/** Settings of a merchant at Lakala's open platform. A terminal is activated in Lakala's portal, which gives `term_no`. */
export const config = Type.Object(
  {
    appid: no('Application at the open platform. 开放平台 appid。'),
    serial_no: Type.String({
      pattern: '^[0-9A-Fa-f]{1,40}$',
      description: 'Serial number of the merchant certificate, as the portal prints it. 商户证书序列号。',
    }),
    private_key: secretField('Private key of the merchant certificate, PEM or Base64 of PKCS#8. 商户私钥。', { maxLength: 8192 }),
    gateway_certificate: pem("Lakala's certificate for answers, PEM. 拉卡拉应答验签证书。"),
    notify_certificate: Type.Optional(pem("Lakala's certificate for notifications where it is another one. 拉卡拉通知验签证书（不同于应答证书时）。")),
    merchant_no: no('Merchant number. 商户号。'),
    term_no: no('Terminal number that the portal shows after activation. 终端号（激活后获得）。'),
    sub_appid: Type.Optional(no('WeChat application whose openids pay. 公众号或小程序 appid。')),
    unknown_order_code: Type.Optional(
      Type.String({
        pattern: '^[0-9A-Z]{1,16}$',
        description: 'Code by which Lakala says that there is no such order, once it was seen: it is not published. 订单不存在的返回码（官方未公布）。',
      }),
    ),
    gateway_url: Type.Optional(
      Type.String({
        pattern: '^https?://[^\\s?#]+[^/\\s?#]$',
        maxLength: 256,
        description: 'https://s2.lakala.com unless told; tests at https://test.wsmsd.cn/sit. 网关地址。',
      }),
    ),
  },
  { additionalProperties: false },
);
export type Config = Static<typeof config>;

/** What the schema cannot say: keys and certificates that parse. */
export function checkConfig({
  private_key,
  gateway_certificate,
  notify_certificate,
}: Config): { readonly param: string; readonly problem: string } | undefined {
  if (!readRsaKey('private', private_key.expose())) return { param: 'private_key', problem: 'is not an RSA private key' };
  if (!isCertificate(gateway_certificate)) return { param: 'gateway_certificate', problem: 'is not a certificate in PEM' };
  return notify_certificate === undefined || isCertificate(notify_certificate)
    ? undefined
    : { param: 'notify_certificate', problem: 'is not a certificate in PEM' };
}

function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text).publicKey.asymmetricKeyType === 'rsa';
  } catch {
    return false;
  }
}

export function gatewayOf({ gateway_url }: Config): { readonly origin: string; readonly prefix: string } {
  const { origin, pathname } = new URL(gateway_url ?? 'https://s2.lakala.com');
  return { origin, prefix: pathname === '/' ? '' : pathname };
}

export const identity = ({ merchant_no }: Config): Readonly<Record<string, string>> => ({ merchant_no });

export const receiver = ({ merchant_no }: Config): string => merchant_no;
