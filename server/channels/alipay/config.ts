import { createPrivateKey, createPublicKey, type KeyObject, type X509Certificate } from 'node:crypto';
import Type, { type Static } from 'typebox';
import type { Secret } from '../../kernel/secret.ts';
import { readCertificates } from '../certificates.ts';
import { secretField } from '../define.ts';
import { certificateSn, rootCertificateSn } from './certificates.ts';

const appId = (description: string) => Type.String({ pattern: '^[0-9]{8,32}$', description });
const userId = (description: string) => Type.String({ pattern: '^2088[0-9]{12}$', description });
const pem = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 32_768, description }));

/**
 * Settings of an Alipay account. Answers are verified either with Alipay's public key or with its certificate; a service
 * provider's application (第三方应用) acts for the merchant that gave it the `app_auth_token`.
 */
export const config = Type.Object(
  {
    app_id: appId("Application that calls the gateway; the provider's own in provider mode. 应用 APPID（服务商模式填第三方应用）。"),
    seller_id: userId("The merchant's Alipay user number (PID), which receives the money. 收款商户 PID。"),
    app_private_key: secretField("Application private key, PEM or the bare Base64 of Alipay's key tool. 应用私钥。", { maxLength: 8192 }),
    alipay_public_key: pem("Alipay's public key, not the application's: key mode. 支付宝公钥（公钥模式）。"),
    app_certificate: pem('appCertPublicKey_<APPID>.crt: certificate mode. 应用公钥证书（证书模式）。'),
    alipay_certificate: pem('alipayCertPublicKey_RSA2.crt: certificate mode. 支付宝公钥证书（证书模式）。'),
    alipay_root_certificates: pem('alipayRootCert.crt: certificate mode. 支付宝根证书（证书模式）。'),
    aes_key: Type.Optional(secretField('Content encryption key, if set up for the application. 接口内容加密密钥（AES）。', { maxLength: 64 })),
    app_auth_token: Type.Optional(secretField('What the merchant authorised the provider with. 应用授权令牌（服务商模式）。', { maxLength: 64 })),
    auth_app_id: Type.Optional(appId("The authorising merchant's application: provider mode. 授权商户的 APPID（服务商模式）。")),
    sys_service_provider_id: Type.Optional(userId("The provider's PID, for its rebates. 系统商编号。")),
    mini_app_id: Type.Optional(appId('Mini-program that pays, when it is not app_id. 小程序 APPID。')),
    oauth_url: Type.Optional(
      Type.String({
        pattern: '^https?://[^\\s?#]+$',
        maxLength: 256,
        description: 'https://openauth.alipay.com/oauth2/publicAppAuthorize.htm unless told. 用户授权页面地址。',
      }),
    ),
    gateway_url: Type.Optional(
      Type.String({ pattern: '^https?://[^\\s?#]+$', maxLength: 256, description: 'https://openapi.alipay.com/gateway.do unless told. 网关地址。' }),
    ),
  },
  { additionalProperties: false },
);
export type Config = Static<typeof config>;

/** The account's keys, parsed. `certificates` is absent in key mode. */
export type Keys = {
  readonly app: KeyObject;
  /** What the gateway signs with, as configured. */
  readonly alipay: KeyObject;
  readonly certificates?: {
    readonly app: X509Certificate;
    readonly app_sn: string;
    readonly alipay_sn: string;
    readonly roots: readonly X509Certificate[];
    readonly root_sn: string;
  };
};

const parsed = new WeakMap<Secret, { readonly settings: Config; readonly keys: Keys }>();

/** Parsed once for as long as the settings live. Throws when one does not parse, which `checkConfig` finds first. */
export function keysOf(settings: Config): Keys {
  const held = parsed.get(settings.app_private_key);
  if (held?.settings === settings) return held.keys;
  const keys = parseKeys(settings);
  parsed.set(settings.app_private_key, { settings, keys });
  return keys;
}

function parseKeys({ app_private_key, alipay_public_key, app_certificate, alipay_certificate, alipay_root_certificates }: Config): Keys {
  const app = readPrivateKey(app_private_key.expose());
  if (alipay_public_key !== undefined) return { app, alipay: readPublicKey(alipay_public_key) };
  const alipay_leaf = firstCertificate(alipay_certificate);
  const app_leaf = firstCertificate(app_certificate);
  const roots = readCertificates(alipay_root_certificates ?? '');
  return {
    app,
    alipay: alipay_leaf.publicKey,
    certificates: { app: app_leaf, app_sn: certificateSn(app_leaf), alipay_sn: certificateSn(alipay_leaf), roots, root_sn: rootCertificateSn(roots) },
  };
}

function firstCertificate(text: string | undefined): X509Certificate {
  const leaf = readCertificates(text ?? '')[0];
  if (!leaf) throw new Error('no certificate in PEM');
  return leaf;
}

const is_pem = /-----BEGIN /;

/** Alipay's tools give the bare Base64 of PKCS#8 (Java) or PKCS#1 (others); consoles and files give PEM. */
function readPrivateKey(text: string): KeyObject {
  if (is_pem.test(text)) return createPrivateKey(text);
  const der = Buffer.from(text.replace(/\s/g, ''), 'base64');
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } catch {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs1' });
  }
}

function readPublicKey(text: string): KeyObject {
  return is_pem.test(text) ? createPublicKey(text) : createPublicKey({ key: Buffer.from(text.replace(/\s/g, ''), 'base64'), format: 'der', type: 'spki' });
}

type Problem = { readonly param: string; readonly problem: string };

/** What the schema cannot say: one way of trust, keys that parse and belong together, and fields that need each other. */
export function checkConfig(settings: Config): Problem | undefined {
  return checkAppKey(settings) ?? checkTrust(settings) ?? checkProvider(settings) ?? checkContentKey(settings);
}

function checkAppKey({ app_private_key }: Config): Problem | undefined {
  const key = attempt(() => readPrivateKey(app_private_key.expose()));
  if (key?.asymmetricKeyType !== 'rsa') return { param: 'app_private_key', problem: 'is not an RSA private key' };
  return bits(key) < 2048 ? { param: 'app_private_key', problem: 'is shorter than 2048 bits' } : undefined;
}

function checkTrust(settings: Config): Problem | undefined {
  const in_key_mode = settings.alipay_public_key !== undefined;
  for (const param of ['app_certificate', 'alipay_certificate', 'alipay_root_certificates'] as const) {
    if (in_key_mode && settings[param] !== undefined) return { param, problem: 'belongs to certificate mode; leave alipay_public_key out to use it' };
    if (in_key_mode) continue;
    const text = settings[param];
    if (text === undefined) return { param, problem: 'is required unless alipay_public_key is given' };
    if (!attempt(() => firstCertificate(text))) return { param, problem: 'is not a certificate in PEM' };
  }
  if (in_key_mode && !attempt(() => readPublicKey(settings.alipay_public_key as string))) return { param: 'alipay_public_key', problem: 'is not a public key' };
  return checkPairs(settings, in_key_mode ? 'alipay_public_key' : 'alipay_certificate');
}

/** The two mistakes that merchants make most: the application's own key in place of Alipay's, and files of another application. */
function checkPairs(settings: Config, trusted: string): Problem | undefined {
  const { app, alipay, certificates } = keysOf(settings);
  if (alipay.asymmetricKeyType !== 'rsa' || bits(alipay) < 2048) return { param: trusted, problem: 'is not an RSA key of 2048 bits or more' };
  if (alipay.equals(createPublicKey(app))) return { param: trusted, problem: "is the application's own; take Alipay's from the console" };
  if (!certificates) return undefined;
  if (certificates.root_sn === '') return { param: 'alipay_root_certificates', problem: 'holds no RSA root' };
  return certificates.app.checkPrivateKey(app) ? undefined : { param: 'app_certificate', problem: 'does not belong to app_private_key' };
}

function checkProvider({ app_auth_token, auth_app_id }: Config): Problem | undefined {
  if ((app_auth_token === undefined) === (auth_app_id === undefined)) return undefined;
  return app_auth_token === undefined
    ? { param: 'app_auth_token', problem: 'goes together with auth_app_id' }
    : { param: 'auth_app_id', problem: 'is required with app_auth_token' };
}

function checkContentKey({ aes_key }: Config): Problem | undefined {
  if (aes_key === undefined) return undefined;
  const is_key = /^[A-Za-z0-9+/]{22}==$/.test(aes_key.expose().trim());
  return is_key ? undefined : { param: 'aes_key', problem: 'is not the Base64 of 16 bytes' };
}

const bits = (key: KeyObject): number => key.asymmetricKeyDetails?.modulusLength ?? 0;

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}

/** Where requests go. */
export function gatewayOf({ gateway_url }: Config): { readonly origin: string; readonly path: string; readonly href: string } {
  const url = new URL(gateway_url ?? 'https://openapi.alipay.com/gateway.do');
  return { origin: url.origin, path: url.pathname, href: url.origin + url.pathname };
}

/** The seller whose money it is; the application that calls for it may change. */
export const receiver = ({ seller_id }: Config): string => seller_id;

/** Who must have received a payment of this account: the calling application, the represented one, and the seller. */
export function identity({ app_id, auth_app_id, seller_id }: Config): Readonly<Record<string, string>> {
  return { app_id, auth_app_id: auth_app_id ?? app_id, seller_id };
}
