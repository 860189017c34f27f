import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import Type, { type Static } from 'typebox';
import type { Secret } from '../../kernel/secret.ts';
import { readCertificates } from '../certificates.ts';
import { secretField } from '../define.ts';
import type { SignMethod } from './sign.ts';

const pem = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 32_768, description }));
const url = (description: string) => Type.Optional(Type.String({ pattern: '^https?://[^\\s?#]+$', maxLength: 256, description }));

/**
 * Settings of a UnionPay merchant number. The gateway is trusted by its certificate, which every message carries and which must lead to
 * `trusted_certificates`; or both sides hold a secure key.
 */
export const config = Type.Object(
  {
    mer_id: Type.String({ pattern: '^[0-9A-Za-z]{15}$', description: 'Merchant number. 商户号 merId。' }),
    sign_method: Type.Optional(
      Type.Unsafe<SignMethod>({
        type: 'string',
        enum: ['01', '11', '12'],
        description: '01 certificates (RSA), 11 secure key with SHA-256, 12 secure key with SM3; 01 unless told. 签名方法。',
      }),
    ),
    private_key: Type.Optional(
      secretField('Signing key of the merchant, PEM: openssl pkcs12 -in acp_prod_sign.pfx -nocerts -nodes. 商户签名私钥（由 PFX 导出）。', { maxLength: 8192 }),
    ),
    certificate: pem('Signing certificate of the merchant, PEM, which names the key to the gateway. 商户签名证书（由 PFX 导出）。'),
    trusted_certificates: pem("CFCA's root and middle certificates that come with UnionPay's SDK, PEM, one after the other. 银联根证书与中级证书。"),
    secure_key: Type.Optional(secretField('Secure key: methods 11 and 12. 安全密钥（签名方法 11、12）。', { maxLength: 256 })),
    test_environment: Type.Optional(Type.Boolean({ description: "Also trusts the test gateway's certificate name; off unless told. 入网测试环境。" })),
    sub_mer_id: Type.Optional(Type.String({ pattern: '^[0-9A-Za-z]{5,15}$', description: 'Merchant of a platform (accessType 2). 二级商户号（平台商户）。' })),
    sub_mer_name: Type.Optional(Type.String({ minLength: 1, maxLength: 40, description: 'Its name. 二级商户名称。' })),
    sub_mer_abbr: Type.Optional(Type.String({ minLength: 1, maxLength: 16, description: 'Its short name. 二级商户简称。' })),
    terminal_id: Type.Optional(
      Type.String({ pattern: '^[0-9A-Za-z]{8}$', description: 'Terminal of payment codes when the payment names none. 默认终端号。' }),
    ),
    undo_same_day: Type.Optional(
      Type.Boolean({
        description:
          'Gives a whole payment of the same clearing day back by 消费撤销 (31) instead of 退货 (04); some banks refuse it. 当日全额退款走消费撤销。',
      }),
    ),
    gateway_url: url('https://gateway.95516.com/gateway/api unless told. 网关地址。'),
    file_url: url('https://filedownload.95516.com unless told. 对账文件地址。'),
  },
  { additionalProperties: false },
);
export type Config = Static<typeof config>;

export const signMethodOf = ({ sign_method }: Config): SignMethod => sign_method ?? '01';

/** The account's keys of method 01, parsed. */
export type Keys = { readonly own: KeyObject; readonly cert_id: string; readonly trusted: readonly X509Certificate[] };

const parsed = new WeakMap<Secret, { readonly settings: Config; readonly keys: Keys }>();

/** Parsed once for as long as the settings live. Throws when one does not parse, which `checkConfig` finds first. */
export function keysOf(settings: Config): Keys {
  if (settings.private_key === undefined) throw new Error('the account has no private key');
  const held = parsed.get(settings.private_key);
  if (held?.settings === settings) return held.keys;
  const own = createPrivateKey(settings.private_key.expose());
  const keys = { own, cert_id: certId(new X509Certificate(settings.certificate ?? '')), trusted: readCertificates(settings.trusted_certificates ?? '') };
  parsed.set(settings.private_key, { settings, keys });
  return keys;
}

/** A certificate is named by its serial number in decimal. */
export const certId = (certificate: X509Certificate): string => BigInt(`0x${certificate.serialNumber}`).toString();

type Problem = { readonly param: string; readonly problem: string };

/** What the schema cannot say: one way of signing, keys that parse and belong together, and fields that need each other. */
export function checkConfig(settings: Config): Problem | undefined {
  return (signMethodOf(settings) === '01' ? checkCertificates(settings) : checkSecureKey(settings)) ?? checkSubMerchant(settings);
}

function checkCertificates(settings: Config): Problem | undefined {
  const { private_key, certificate, trusted_certificates, secure_key } = settings;
  if (secure_key !== undefined) return { param: 'secure_key', problem: 'belongs to sign_method 11 and 12' };
  if (private_key === undefined) return { param: 'private_key', problem: 'is required with sign_method 01' };
  const key = attempt(() => createPrivateKey(private_key.expose()));
  if (key?.asymmetricKeyType !== 'rsa') return { param: 'private_key', problem: 'is not an RSA private key in PEM' };
  if ((key.asymmetricKeyDetails?.modulusLength ?? 0) < 2048) return { param: 'private_key', problem: 'is shorter than 2048 bits' };
  const own = attempt(() => new X509Certificate(certificate ?? ''));
  if (!own) return { param: 'certificate', problem: certificate === undefined ? 'is required with sign_method 01' : 'is not a certificate in PEM' };
  if (!own.checkPrivateKey(key)) return { param: 'certificate', problem: 'does not belong to private_key' };
  const trusted = attempt(() => readCertificates(trusted_certificates ?? ''));
  return trusted === undefined || trusted.length === 0
    ? { param: 'trusted_certificates', problem: trusted_certificates === undefined ? 'is required with sign_method 01' : 'holds no certificate in PEM' }
    : undefined;
}

function checkSecureKey(settings: Config): Problem | undefined {
  for (const param of ['private_key', 'certificate', 'trusted_certificates'] as const) {
    if (settings[param] !== undefined) return { param, problem: 'belongs to sign_method 01' };
  }
  return settings.secure_key === undefined ? { param: 'secure_key', problem: 'is required with sign_method 11 and 12' } : undefined;
}

function checkSubMerchant({ sub_mer_id, sub_mer_name, sub_mer_abbr }: Config): Problem | undefined {
  const together = { sub_mer_id, sub_mer_name, sub_mer_abbr };
  const missing = Object.entries(together).find(([, value]) => value === undefined)?.[0];
  const is_mixed = missing !== undefined && Object.values(together).some((value) => value !== undefined);
  return is_mixed ? { param: missing, problem: 'goes together with the other two fields of the sub-merchant' } : undefined;
}

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}

export type Endpoint = 'frontTransReq' | 'backTransReq' | 'appTransReq' | 'queryTrans';

/** Where requests of a kind go. */
export function endpointOf({ gateway_url }: Config, endpoint: Endpoint): { readonly origin: string; readonly path: string; readonly href: string } {
  const base = new URL((gateway_url ?? 'https://gateway.95516.com/gateway/api').replace(/\/$/, ''));
  const path = `${base.pathname}/${endpoint}.do`;
  return { origin: base.origin, path, href: base.origin + path };
}

/** Where files are asked for. */
export function fileEndpointOf({ file_url }: Config): { readonly origin: string; readonly path: string } {
  const { origin, pathname } = new URL(file_url ?? 'https://filedownload.95516.com/');
  return { origin, path: pathname };
}

/** The merchant number, and whose of a platform's merchants it is. */
export const receiver = ({ mer_id, sub_mer_id }: Config): string => (sub_mer_id === undefined ? mer_id : `${mer_id} ${sub_mer_id}`);

/** Who must have received a payment of this account. Messages name the merchant number; that they name the sub-merchant is not confirmed. */
export const identity = ({ mer_id }: Config): Readonly<Record<string, string>> => ({ mer_id });
