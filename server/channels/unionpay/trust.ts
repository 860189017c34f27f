import { X509Certificate } from 'node:crypto';
import { leadsToRoot } from '../certificates.ts';
import type { Env, Verdict } from '../define.ts';
import { type Config, keysOf, signMethodOf } from './config.ts';
import { type Fields, isSignedBy, isSignedWithSecureKey } from './sign.ts';

const owner = '中国银联股份有限公司';
/** What the test gateway's certificate says in its place. */
const test_owner = '00040000:SIGN';

/**
 * Is the message the gateway's? It carries the certificate that signed it, renewed whenever the gateway likes: the certificate must be
 * UnionPay's by name, valid now, and lead to the configured ones; none is pinned.
 */
export function verifyFields(fields: Fields | undefined, config: Config, env: Env): Verdict {
  const method = signMethodOf(config);
  if (fields?.get('signMethod') !== method) return 'invalid';
  if (method !== '01') return isSignedWithSecureKey(fields, config.secure_key?.expose() ?? '', method) ? 'valid' : 'invalid';
  const certificate = new X509Certificate(fields.get('signPubKeyCert') ?? '');
  const is_gateways = isOwnedByGateway(certificate, config.test_environment === true) && isTrusted(certificate, config, env.now);
  return is_gateways && isSignedBy(fields, certificate.publicKey) ? 'valid' : 'invalid';
}

/** Only self-signed certificates of the settings end a chain; the others lead there. */
function isTrusted(certificate: X509Certificate, config: Config, now: Date): boolean {
  const { trusted } = keysOf(config);
  const roots = trusted.filter((each) => each.subject === each.issuer);
  return leadsToRoot([certificate, ...trusted], roots.length > 0 ? roots : trusted, now);
}

/** The common name is `041@<number>@<owner>@<serial>`. */
function isOwnedByGateway({ subject }: X509Certificate, is_test: boolean): boolean {
  const common_name = subject.split('\n').find((line) => line.startsWith('CN=')) ?? '';
  const named = common_name.split('@')[2];
  return named === owner || (is_test && named === test_owner);
}
