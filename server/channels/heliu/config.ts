import { createPrivateKey, type KeyObject } from 'node:crypto';
import Type, { type Static } from 'typebox';
import { type Account, secretField } from '../define.ts';

/** Settings of a merchant at another installation of Heliu: a service provider's or a bank's. */
export const config = Type.Object(
  {
    gateway_url: Type.String({
      pattern: '^https?://[^\\s?#]+[^/\\s?#]$',
      maxLength: 256,
      description:
        'Public address of that installation, exactly as it is configured there (`public_url`): request signatures cover it. 上游合流的公开地址，须与其 `public_url` 完全一致。',
    }),
    merchant_code: Type.String({
      pattern: '^[0-9A-HJKMNP-TV-Z]{6}$',
      description:
        'Code of the merchant there: the first six characters of `attempt.channel_order_no` of any payment of it. Who received is checked by it. 上游商户码：其任一支付单 `attempt.channel_order_no` 的前六位，用于核对收款方。',
    }),
    api_key: Type.Optional(
      secretField('API key of that merchant, `sk_live_…` or `sk_test_…`; this or the two fields of a signature. 上游 API 密钥，与签名两项二选一。', {
        maxLength: 128,
      }),
    ),
    signing_key_id: Type.Optional(
      Type.String({
        pattern: '^key_[0-9A-HJKMNP-TV-Z]{26}$',
        description: 'Id of the API key there that holds the public half of the signature. 上游登记的签名公钥所属密钥 ID（key_…）。',
      }),
    ),
    signing_private_key: Type.Optional(
      secretField('Ed25519 private key, PKCS#8 PEM: requests are signed (RFC 9421) and carry no secret. Ed25519 签名私钥（PKCS#8 PEM）。', { maxLength: 1024 }),
    ),
    webhook_secret: Type.Optional(
      secretField(
        'Secret (`whsec_…`) of a webhook endpoint made there for the notification address of this account; without it payments are found by asking. 上游 Webhook 端点（指向本账户通知地址）的密钥；缺省时只靠查询。',
        { maxLength: 256 },
      ),
    ),
  },
  { additionalProperties: false },
);
export type Config = Static<typeof config>;

/** What the schema cannot say: one way to be known, and secrets of the right form. */
export function checkConfig(settings: Config): { readonly param: string; readonly problem: string } | undefined {
  const { api_key, signing_key_id, signing_private_key, webhook_secret } = settings;
  if (api_key === undefined && signing_private_key === undefined) return { param: 'api_key', problem: 'or a signing key is required' };
  if (api_key !== undefined && signing_private_key !== undefined) return { param: 'api_key', problem: 'and a signing key are two ways: give one' };
  if (api_key !== undefined && modeOf(settings) === undefined) return { param: 'api_key', problem: 'is not an API key of Heliu' };
  if (signing_private_key !== undefined && signing_key_id === undefined) return { param: 'signing_key_id', problem: 'is required with a signing key' };
  if (signing_private_key !== undefined && !readSigningKey(settings)) return { param: 'signing_private_key', problem: 'is not an Ed25519 private key' };
  if (webhook_secret !== undefined && !/^whsec_[0-9A-Za-z+/]{32,}={0,2}$/.test(webhook_secret.expose()))
    return { param: 'webhook_secret', problem: 'is not a webhook secret of Heliu' };
  return undefined;
}

/** Whether the API key is for real money; undefined where a signature tells who asks, or the text is no key. */
export function modeOf({ api_key }: Config): 'live' | 'test' | undefined {
  return /^sk_(live|test)_[0-9A-Za-z_-]{43}$/.exec(api_key?.expose() ?? '')?.[1] as 'live' | 'test' | undefined;
}

/** A key of the other mode would make test money look like real money, or the other way round. */
export const isOtherMode = ({ config: settings, livemode }: Account<Config>): boolean => {
  const mode = modeOf(settings);
  return mode !== undefined && (mode === 'live') !== livemode;
};

export function readSigningKey({ signing_private_key }: Config): KeyObject | undefined {
  if (signing_private_key === undefined) return undefined;
  try {
    const key = createPrivateKey(signing_private_key.expose());
    return key.asymmetricKeyType === 'ed25519' ? key : undefined;
  } catch {
    return undefined;
  }
}

export function gatewayOf({ gateway_url }: Config): { readonly origin: string; readonly prefix: string } {
  const { origin, pathname } = new URL(gateway_url);
  return { origin, prefix: pathname === '/' ? '' : pathname };
}

/** Numbers of orders and refunds there begin with the merchant's code. */
export const identity = ({ merchant_code }: Config): Readonly<Record<string, string>> => ({ merchant_code });

/** The same code at another installation is another merchant. */
export const receiver = ({ gateway_url, merchant_code }: Config): string => `${new URL(gateway_url).host}/${merchant_code}`;
