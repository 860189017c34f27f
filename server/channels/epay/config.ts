import Type, { type Static } from 'typebox';
import { secretField } from '../define.ts';

/** Settings of a merchant at an installation of 易支付. */
export const config = Type.Object(
  {
    pid: Type.String({ pattern: '^[0-9]{1,20}$', description: 'Merchant number. 商户 ID。' }),
    key: secretField('Merchant key. It signs, and the calls of api.php send it whole. 商户密钥（签名用，api.php 接口按协议明文传送）。', { maxLength: 256 }),
    gateway_url: Type.String({
      pattern: '^https?://[^\\s?#]+[^/\\s?#]$',
      maxLength: 256,
      description: 'Address of the installation, without a slash at the end. 站点地址。',
    }),
    refund_done_status: Type.Optional(
      Type.String({
        pattern: '^[0-9A-Z_]{1,16}$',
        description: 'What `status` of a refund query says when the money is back; 1 unless told. 退款查询中表示成功的 status，默认 1。',
      }),
    ),
    name_bytes_max: Type.Optional(
      Type.Integer({
        minimum: 16,
        maximum: 127,
        description: 'Bytes of a subject that the installation takes; 127 unless told. 商品名称最大字节数，默认 127。',
      }),
    ),
  },
  { additionalProperties: false },
);
export type Config = Static<typeof config>;

export function gatewayOf({ gateway_url }: Config): { readonly origin: string; readonly prefix: string } {
  const { origin, pathname } = new URL(gateway_url);
  return { origin, prefix: pathname === '/' ? '' : pathname };
}

export const identity = ({ pid }: Config): Readonly<Record<string, string>> => ({ pid });

/** A number means something at its own installation only. */
export const receiver = ({ pid, gateway_url }: Config): string => `${gateway_url}/${pid}`;
