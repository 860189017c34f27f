import Type, { type Static } from 'typebox';
import { type Account, secretField } from '../define.ts';

const no = (description: string) => Type.String({ pattern: '^[0-9A-Za-z_-]{1,64}$', description });

/** Settings of a terminal at Shouqianba. Its number and key are no settings: an activation code brings them, and check-ins change the key. */
export const config = Type.Object(
  {
    vendor_sn: no('Vendor serial number. 服务商序列号。'),
    vendor_key: secretField('Vendor key: signs the activation alone. 服务商密钥（只用于激活）。', { maxLength: 128 }),
    app_id: no('Application of the vendor. 服务商应用 ID。'),
    merchant_sn: no('Merchant number that the portal shows: it fixes whose money this account takes. 商户号（用于固定收款方）。'),
    device_id: Type.Optional(no('Name of the device, unique at the merchant; the account’s id unless told. 设备号，默认为渠道账户编号。')),
    store_id: Type.Optional(no('Store that answers must name, as `store_id` of an answer shows it. 门店 ID；填写后逐笔核对。')),
    operator: Type.Optional(Type.String({ minLength: 1, maxLength: 32, description: 'Who the portal shows as operator; Heliu unless told. 操作员。' })),
    gateway_url: Type.Optional(
      Type.String({
        pattern: '^https?://[^\\s?#]+[^/\\s?#]$',
        maxLength: 256,
        description: 'https://api.shouqianba.com unless told. 网关地址。',
      }),
    ),
  },
  { additionalProperties: false },
);
export type Config = Static<typeof config>;

export function gatewayOf({ gateway_url }: Config): { readonly origin: string; readonly prefix: string } {
  const { origin, pathname } = new URL(gateway_url ?? 'https://api.shouqianba.com');
  return { origin, prefix: pathname === '/' ? '' : pathname };
}

export const deviceOf = ({ id, config }: Account<Config>): string => config.device_id ?? id;
export const operatorOf = ({ operator }: Config): string => operator ?? 'Heliu';

/** An answer is about the terminal whose key signed the question; the store is compared where it is told. */
export const identity = ({ store_id }: Config): Readonly<Record<string, string>> => (store_id === undefined ? {} : { store_id });

/** A new device or application may stand in for the old one; the merchant may not change. */
export const receiver = ({ merchant_sn }: Config): string => merchant_sn;
