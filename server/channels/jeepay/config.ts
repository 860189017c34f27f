import Type, { type Static } from 'typebox';
import { secretField, unsignedErrorsField } from '../define.ts';

const no = (description: string) => Type.String({ pattern: '^[0-9A-Za-z]{1,64}$', description });

/** Settings of an application at a Jeepay installation. */
export const config = Type.Object(
  {
    mch_no: no('Merchant number. 商户号。'),
    app_id: no('Application. 应用 ID。'),
    app_secret: secretField('Secret of the application. 应用密钥。', { maxLength: 256 }),
    gateway_url: Type.String({
      pattern: '^https?://[^\\s?#]+[^/\\s?#]$',
      maxLength: 256,
      description: 'Address of the installation’s payment gateway: https://pay.example.com. 支付网关地址。',
    }),
    trust_unsigned_errors: unsignedErrorsField(),
  },
  { additionalProperties: false },
);
export type Config = Static<typeof config>;

export function gatewayOf({ gateway_url }: Config): { readonly origin: string; readonly prefix: string } {
  const { origin, pathname } = new URL(gateway_url);
  return { origin, prefix: pathname === '/' ? '' : pathname };
}

/** Every order names its merchant and application. */
export const identity = ({ mch_no, app_id }: Config): Readonly<Record<string, string>> => ({ mch_no, app_id });

/** The same number at another installation is another merchant. */
export const receiver = ({ gateway_url, mch_no, app_id }: Config): string => `${new URL(gateway_url).host}/${mch_no}/${app_id}`;
