import Type, { type Static } from 'typebox';
import { secretField } from '../define.ts';
import { readRsaKey } from '../keys.ts';
import { type Bank, banks, profileOf, type SignType } from './profiles.ts';

const oneOf = <const T extends readonly string[]>(values: T, description: string) => Type.Unsafe<T[number]>({ type: 'string', enum: [...values], description });
const no = (description: string, max = 32) => Type.String({ pattern: `^[0-9A-Za-z]{1,${max}}$`, description });
const url = (description: string) => Type.String({ pattern: '^https?://[^\\s?#]+[^/\\s?#]$', maxLength: 256, description });

/** Settings of an account at a SwiftPass gateway, whichever bank runs it. */
export const config = Type.Object(
  {
    bank: Type.Unsafe<Bank>({
      type: 'string',
      enum: [...banks],
      description: `Who runs the gateway. 网关所属银行或机构：${banks.map((bank) => `${bank} ${profileOf(bank).name.zh}`).join('；')}。`,
    }),
    mode: oneOf(
      ['direct', 'group', 'agent'],
      'Whose key signs: the merchant, its group (groupno) or its agent (sign_agentno). 签名主体：商户、大商户、渠道（代理）。',
    ),
    mch_id: no('Merchant number at the gateway. 商户号。'),
    groupno: Type.Optional(no('Group number; group mode only. 大商户编号。')),
    sign_agentno: Type.Optional(no("Agent's number; agent mode only. 授权渠道编号。")),
    sign_type: Type.Unsafe<SignType>({ type: 'string', enum: ['MD5', 'RSA_1_256', 'RSA_1_1'], description: 'How messages are signed. 签名方式。' }),
    key: Type.Optional(secretField('Key for MD5. MD5 密钥。', { maxLength: 128 })),
    private_key: Type.Optional(secretField('Private key for RSA, PEM or Base64 of PKCS#8. RSA 私钥。', { maxLength: 8192 })),
    platform_public_key: Type.Optional(Type.String({ maxLength: 8192, description: "The platform's public key for RSA. 平台 RSA 公钥。" })),
    sub_appid: Type.Optional(no('WeChat application whose openids pay. 公众号或小程序 appid。')),
    op_user_id: Type.Optional(no('Operator of refunds; the merchant number unless told. 退款操作员，默认商户号。')),
    terminal_id: Type.Optional(no('Terminal number as registered for the merchant. 报备的终端号。', 8)),
    terminal_type: Type.Optional(Type.String({ pattern: '^[0-9]{2}$', description: 'Kind of terminal as the acquirer registered it. 报备的终端类型。' })),
    terminal_location: Type.Optional(Type.String({ maxLength: 64, description: 'Latitude and longitude: +37.12/-121.23. 终端经纬度。' })),
    gateway_url: Type.Optional(url("The bank's own address unless told. 网关地址，默认所选银行的地址。")),
    bill_url: Type.Optional(url('Where bills are fetched. 对账单下载地址。')),
  },
  { additionalProperties: false },
);
export type Config = Static<typeof config>;

type Problem = { readonly param: string; readonly problem: string };

/** What the schema cannot say: fields that need each other, and keys that parse. */
export function checkConfig(settings: Config): Problem | undefined {
  return checkMode(settings) ?? checkKeys(settings);
}

function checkMode({ mode, groupno, sign_agentno }: Config): Problem | undefined {
  if ((mode === 'group') !== (groupno !== undefined)) return { param: 'groupno', problem: 'goes together with group mode' };
  return (mode === 'agent') !== (sign_agentno !== undefined) ? { param: 'sign_agentno', problem: 'goes together with agent mode' } : undefined;
}

function checkKeys({ bank, sign_type, key, private_key, platform_public_key }: Config): Problem | undefined {
  if (!profileOf(bank).sign_types.includes(sign_type)) return { param: 'sign_type', problem: 'is not taken by this bank' };
  if (private_key !== undefined && !readRsaKey('private', private_key.expose())) return { param: 'private_key', problem: 'is not an RSA private key' };
  if (platform_public_key !== undefined && !readRsaKey('public', platform_public_key))
    return { param: 'platform_public_key', problem: 'is not an RSA public key' };
  if (sign_type === 'MD5') return key === undefined ? { param: 'key', problem: 'is required for MD5' } : undefined;
  if (private_key === undefined) return { param: 'private_key', problem: 'is required for RSA' };
  return platform_public_key === undefined ? { param: 'platform_public_key', problem: 'is required for RSA' } : undefined;
}

/** Address of the API: scheme and host, and the path. */
export function gatewayOf({ bank, gateway_url }: Config): { readonly origin: string; readonly path: string } {
  const { origin, pathname } = new URL(gateway_url ?? profileOf(bank).gateway_url);
  return { origin, path: pathname };
}

/** Who must have received a payment of this account: every message names its merchant. */
export const identity = ({ mch_id }: Config): Readonly<Record<string, string>> => ({ mch_id });

/** The same merchant number at another bank is another merchant. */
export const receiver = ({ bank, mch_id }: Config): string => `${bank}/${mch_id}`;
