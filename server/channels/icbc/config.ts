import Type, { type Static } from 'typebox';
import { secretField } from '../define.ts';
import { readRsaKey } from '../keys.ts';
import { states_pattern, statesOf } from './states.ts';

const states = (description: string) => Type.Optional(Type.String({ pattern: states_pattern, maxLength: 256, description }));

/** Settings of a merchant of ICBC's aggregated acquiring. Without the codes of a family's states, nothing of that family is sent. */
export const config = Type.Object(
  {
    app_id: Type.String({ pattern: '^[0-9A-Za-z]{1,32}$', description: "Application of the bank's open platform. 开放平台 APP_ID。" }),
    mer_id: Type.String({ pattern: '^[0-9A-Za-z]{1,32}$', description: 'Merchant number. 商户编号。' }),
    sign_type: Type.Optional(
      Type.Unsafe<'RSA' | 'RSA2'>({
        type: 'string',
        enum: ['RSA', 'RSA2'],
        description: 'How requests are signed: RSA2 (SHA-256) unless told, RSA (SHA-1). The bank itself always signs with SHA-1. 请求签名方式，默认 RSA2。',
      }),
    ),
    private_key: secretField('The merchant’s RSA private key, PEM or Base64 of PKCS#8. 商户 RSA 私钥。', { maxLength: 8192 }),
    gateway_public_key: Type.String({ minLength: 1, maxLength: 8192, description: "The gateway's RSA public key, PEM or Base64. 网关公钥。" }),
    store_code: Type.Optional(
      Type.String({ pattern: '^[0-9A-Za-z]{1,32}$', description: 'E-archive number of the store; aggregate_qr needs it. e 生活档案编号。' }),
    ),
    mer_prtcl_no: Type.Optional(
      Type.String({ pattern: '^[0-9A-Za-z]{1,32}$', description: 'Agreement number; payments in WeChat and Alipay pages need it. 收单产品协议编号。' }),
    ),
    device_info: Type.Optional(Type.String({ pattern: '^[0-9A-Za-z]{1,32}$', description: 'Device number of those payments. 设备号 decive_info。' })),
    wechat_appid: Type.Optional(Type.String({ pattern: '^wx[0-9a-zA-Z]{16}$', description: 'Official account or mini-program. 公众号或小程序 appid。' })),
    qr_states: states(
      'What pay_status means for QR codes and payment codes, from the bank’s document; public code reads waiting=0,done=1,failed=2. 二维码 pay_status 含义。',
    ),
    qr_refund_states: states('The same of reject_status; public code reads waiting=0,done=1,failed=2. 二维码 reject_status 含义。'),
    online_states: states('The same of pay_status of payments in pages; public code reads done=0,failed=1,waiting=2. 线上支付 pay_status 含义。'),
    online_refund_states: states('The same of their refunds; public code reads done=0,failed=1,waiting=2. 线上退款 pay_status 含义。'),
    unknown_codes: Type.Optional(
      Type.String({
        pattern: '^-?\\d{1,10}(,-?\\d{1,10}){0,9}$',
        description: 'return_codes by which the bank says that it has no such order or refund; the list is not public. 「订单或退款不存在」的 return_code。',
      }),
    ),
    gateway_url: Type.Optional(
      Type.String({ pattern: '^https?://[^\\s?#]+[^/\\s?#]$', maxLength: 256, description: 'https://gw.open.icbc.com.cn unless told. 网关地址。' }),
    ),
  },
  { additionalProperties: false },
);
export type Config = Static<typeof config>;

/** What the schema cannot say: keys that parse, and codes with one meaning each. */
export function checkConfig(settings: Config): { readonly param: string; readonly problem: string } | undefined {
  if (!readRsaKey('private', settings.private_key.expose())) return { param: 'private_key', problem: 'is not an RSA private key' };
  if (!readRsaKey('public', settings.gateway_public_key)) return { param: 'gateway_public_key', problem: 'is not an RSA public key' };
  for (const param of ['qr_states', 'qr_refund_states', 'online_states', 'online_refund_states'] as const) {
    const text = settings[param];
    const problem = text === undefined ? undefined : problemOf(text);
    if (problem !== undefined) return { param, problem };
  }
  return undefined;
}

function problemOf(text: string): string | undefined {
  const states = statesOf(text);
  if (states.size < text.split(',').length) return 'gives one code two meanings';
  return [...states.values()].includes('done') ? undefined : 'names no code that means done';
}

export function gatewayOf({ gateway_url }: Config): { readonly origin: string; readonly prefix: string } {
  const { origin, pathname } = new URL(gateway_url ?? 'https://gw.open.icbc.com.cn');
  return { origin, prefix: pathname === '/' ? '' : pathname };
}

/** Whose money it is; messages name the same number. */
export const receiver = ({ mer_id }: Config): string => mer_id;
export const identity = ({ mer_id }: Config): Readonly<Record<string, string>> => ({ mer_id });
