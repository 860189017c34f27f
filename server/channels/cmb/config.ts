import Type, { type Static } from 'typebox';
import { secretField } from '../define.ts';
import { pointOf } from './sign.ts';

/** Settings of a merchant of CMB's aggregated acquiring. */
export const config = Type.Object(
  {
    mer_id: Type.String({ pattern: '^[0-9A-Za-z]{1,32}$', description: 'Merchant number. 商户号 merId。' }),
    user_id: Type.String({ pattern: '^[0-9A-Za-z]{1,32}$', description: 'Cashier number. 收银员 userId。' }),
    appid: Type.String({ pattern: '^[0-9A-Za-z-]{1,64}$', description: "Application of the bank's open platform. 开放平台 appid。" }),
    app_secret: secretField('Its secret. 开放平台 appsecret。', { maxLength: 256 }),
    private_key: secretField("The merchant's SM2 private key, 64 hex characters. 商户 SM2 私钥（十六进制）。", { pattern: '^[0-9A-Fa-f]{64}$' }),
    cmb_public_key: Type.String({ minLength: 1, maxLength: 512, description: "The bank's SM2 public key, Base64. 招行 SM2 公钥。" }),
    wechat_appid: Type.Optional(Type.String({ pattern: '^wx[0-9a-zA-Z]{16}$', description: 'Official account of wechat_jsapi. 公众号 appid。' })),
    order_unknown_code: Type.Optional(
      Type.String({
        pattern: '^[0-9A-Z_]{1,64}$',
        description:
          "errCode by which the bank says that it has no such order; its list is not public, so take it from the bank's document. 订单不存在的 errCode。",
      }),
    ),
    gateway_url: Type.Optional(
      Type.String({
        pattern: '^https?://[^\\s?#]+$',
        maxLength: 256,
        description: 'https://api.cmbchina.com unless told; test https://api.cmburl.cn:8065. 网关地址。',
      }),
    ),
  },
  { additionalProperties: false },
);
export type Config = Static<typeof config>;

export const checkConfig = ({ cmb_public_key }: Config) =>
  pointOf(cmb_public_key) === undefined ? { param: 'cmb_public_key', problem: 'is not an SM2 public key in Base64' } : undefined;

/** Whose money it is; messages name the same number. */
export const receiver = ({ mer_id }: Config): string => mer_id;
export const identity = ({ mer_id }: Config): Readonly<Record<string, string>> => ({ mer_id });
