import Type, { type Static } from 'typebox';
import { secretField, unsignedErrorsField } from '../define.ts';

const no = (description: string, max = 30) => Type.String({ pattern: `^[0-9A-Za-z]{1,${max}}$`, description });

/** Settings of an account at Bestpay's payment-code gateway (MAPI V2.8). */
export const config = Type.Object(
  {
    merchant_id: no('Merchant number. 商户号。'),
    sub_merchant_id: Type.Optional(no('Sub-merchant number. 子商户号。')),
    store_id: no('Store number, as registered. 门店号。', 10),
    data_key: secretField('Data key, for the MAC. 数据 KEY（用于 MAC）。', { maxLength: 128 }),
    trade_key: secretField('Trade key, six digits: refunds and reversals need it. 交易 KEY（退款与冲正密码）。', { maxLength: 32 }),
    busi_type: Type.Optional(
      Type.String({ pattern: '^[0-9]{4,7}$', description: '0000001 unless told; the manual’s own samples send 0001. 业务类型，默认 0000001。' }),
    ),
    absent_ledger: Type.Optional(
      Type.Unsafe<'empty' | 'null'>({
        type: 'string',
        enum: ['empty', 'null'],
        description: 'How the MAC of a refund spells a missing LEDGERDETAIL: nothing (unless told) or the word null. 退款 MAC 中空分账明细的写法。',
      }),
    ),
    gateway_url: Type.Optional(
      Type.String({ pattern: '^https?://[^\\s?#]+[^/\\s?#]$', maxLength: 256, description: 'https://webpaywg.bestpay.com.cn unless told. 网关地址。' }),
    ),
    trust_unsigned_errors: unsignedErrorsField(),
  },
  { additionalProperties: false },
);
export type Config = Static<typeof config>;

export function gatewayOf({ gateway_url }: Config): { readonly origin: string; readonly prefix: string } {
  const { origin, pathname } = new URL(gateway_url ?? 'https://webpaywg.bestpay.com.cn');
  return { origin, prefix: pathname === '/' ? '' : pathname };
}

/** Every message names the merchant, and its MAC covers it. */
export const identity = ({ merchant_id }: Config): Readonly<Record<string, string>> => ({ merchant_id });

export const receiver = ({ merchant_id, sub_merchant_id }: Config): string =>
  sub_merchant_id === undefined ? merchant_id : `${merchant_id}/${sub_merchant_id}`;
