import Type, { type Static } from 'typebox';
import { secretField } from '../define.ts';
import { readRsaKey } from '../keys.ts';

const no = (description: string, max: number) => Type.String({ pattern: `^[0-9A-Za-z]{1,${max}}$`, description });

/** Settings of a merchant at Fuiou's scan-to-pay gateway (spay). */
export const config = Type.Object(
  {
    ins_cd: no('Institution number. 机构号。', 13),
    mchnt_cd: no('Merchant number. 商户号。', 15),
    term_id: Type.Optional(no('Terminal number; 88888888 unless told. 终端号，默认 88888888。', 8)),
    order_prefix: Type.Optional(no('Prefix of order numbers that Fuiou assigned. 富友分配的订单号前缀。', 4)),
    private_key: secretField('Private key of the merchant, Base64 of PKCS#8 or PEM. 商户私钥。', { maxLength: 8192 }),
    fuiou_public_key: Type.String({ maxLength: 4096, description: "Fuiou's public key. 富友公钥。" }),
    sub_appid: Type.Optional(no('WeChat application whose openids pay. 公众号或小程序 appid。', 32)),
    unknown_order_code: Type.Optional(
      Type.String({
        pattern: '^[0-9A-Z]{1,16}$',
        description:
          'Code by which Fuiou says that there is no such order, once it was seen; one unofficial page has 010006. 订单不存在的返回码（仅非官方资料提到 010006）。',
      }),
    ),
    gateway_url: Type.Optional(
      Type.String({ pattern: '^https?://[^\\s?#]+[^/\\s?#]$', maxLength: 256, description: 'https://spay-cloud.fuioupay.com unless told. 网关地址。' }),
    ),
  },
  { additionalProperties: false },
);
export type Config = Static<typeof config>;

export function checkConfig({ private_key, fuiou_public_key }: Config): { readonly param: string; readonly problem: string } | undefined {
  if (!readRsaKey('private', private_key.expose())) return { param: 'private_key', problem: 'is not an RSA private key' };
  return readRsaKey('public', fuiou_public_key) ? undefined : { param: 'fuiou_public_key', problem: 'is not an RSA public key' };
}

export function gatewayOf({ gateway_url }: Config): { readonly origin: string; readonly prefix: string } {
  const { origin, pathname } = new URL(gateway_url ?? 'https://spay-cloud.fuioupay.com');
  return { origin, prefix: pathname === '/' ? '' : pathname };
}

export const identity = ({ ins_cd, mchnt_cd }: Config): Readonly<Record<string, string>> => ({ ins_cd, mchnt_cd });

export const receiver = ({ ins_cd, mchnt_cd }: Config): string => `${ins_cd}/${mchnt_cd}`;
