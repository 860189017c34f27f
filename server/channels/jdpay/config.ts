import Type, { type Static } from 'typebox';
import { secretField } from '../define.ts';
import { readRsaKey } from '../keys.ts';

const url = (description: string) => Type.Optional(Type.String({ pattern: '^https?://[^\\s?#]+[^/\\s?#]$', maxLength: 256, description }));

/** Settings of a JD Pay account (V2.0). */
export const config = Type.Object(
  {
    merchant: Type.String({ pattern: '^[0-9A-Za-z]{1,32}$', description: 'Merchant number. 商户号。' }),
    des_key: secretField('3DES key, Base64 of 24 bytes. 3DES 密钥。', { maxLength: 64 }),
    private_key: secretField('Private key of the merchant, PEM or Base64 of PKCS#8. 商户 RSA 私钥。', { maxLength: 8192 }),
    jd_public_key: Type.String({ maxLength: 8192, description: "JD's public key. 京东 RSA 公钥。" }),
    md5_key: Type.Optional(secretField('Key of app payments. APP 支付 MD5 密钥。', { maxLength: 128 })),
    industry: Type.Optional(Type.String({ pattern: '^[0-9A-Z]{1,16}$', description: 'Industry category that JD assigned. 行业分类码。' })),
    order_type: Type.Optional(
      Type.Unsafe<'0' | '1'>({ type: 'string', enum: ['0', '1'], description: '0 goods, 1 virtual (unless told). 订单类型：0 实物，1 虚拟（默认）。' }),
    ),
    notify_reply: Type.Optional(
      Type.Unsafe<'success' | 'ok'>({
        type: 'string',
        enum: ['success', 'ok'],
        description: 'Word that ends a notification: success unless told; no source confirms it. 通知应答文本。',
      }),
    ),
    unknown_order_code: Type.Optional(
      Type.String({
        pattern: '^[0-9A-Za-z]{1,16}$',
        description: 'Code by which JD says that there is no such order, once it was seen: it is not published. 订单不存在的返回码（官方未公布）。',
      }),
    ),
    gateway_url: url('https://paygate.jd.com/service unless told. 网关地址。'),
    h5_url: url('https://h5pay.jd.com/jdpay unless told. H5 收银台地址。'),
    page_url: url('https://wepay.jd.com/jdpay unless told. PC 收银台地址。'),
  },
  { additionalProperties: false },
);
export type Config = Static<typeof config>;

export function checkConfig({ des_key, private_key, jd_public_key }: Config): { readonly param: string; readonly problem: string } | undefined {
  if (Buffer.from(des_key.expose(), 'base64').length !== 24) return { param: 'des_key', problem: 'is not Base64 of 24 bytes' };
  if (!readRsaKey('private', private_key.expose())) return { param: 'private_key', problem: 'is not an RSA private key' };
  return readRsaKey('public', jd_public_key) ? undefined : { param: 'jd_public_key', problem: 'is not an RSA public key' };
}

export const gatewayUrl = ({ gateway_url }: Config): URL => new URL(gateway_url ?? 'https://paygate.jd.com/service');

export const identity = ({ merchant }: Config): Readonly<Record<string, string>> => ({ merchant });

export const receiver = ({ merchant }: Config): string => merchant;
