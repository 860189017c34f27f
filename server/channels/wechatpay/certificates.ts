import type { KeyObject } from 'node:crypto';
import { parseRfc3339 } from '../../kernel/time.ts';
import type { Account, Env, Operation, Trust, TrustFact, TrustInput, WireAnswer } from '../define.ts';
import { certificateOf } from '../keys.ts';
import type { Config } from './config.ts';
import { decrypt, isSigned, verifyMessage } from './sign.ts';
import { ask, failureOf, isSuccess, type Json, jsonOf, keysOf, objectOf, requiredText, signedRequest, textOf } from './wire.ts';

/** Platform certificates. @see https://pay.weixin.qq.com/doc/v3/merchant/4012551764 */

/**
 * The first answer cannot be verified with a certificate held before, so it is verified with the one it brings: only the
 * gateway could encrypt that with our APIv3 key. During a rotation both the old and the new certificate come.
 */
export const fetchCertificates: Operation<Config, TrustInput, TrustFact> = {
  retry: 'same_key',
  request: (_input, account, env) => signedRequest(account, env, { method: 'GET', path: '/v3/certificates' }),
  verify(answer, account, trust, env) {
    // A merchant with only a public key has no certificates and is told so without a signature. Believing it gives no
    // key to anybody, so it needs none.
    if (answer.status === 404 && !isSigned(answer.headers)) return 'valid';
    const brought = isSuccess(answer) ? readCertificates(answer, account, env) : new Map<string, KeyObject>();
    return verifyMessage(answer.headers, answer.body, env.now, keysOf(account.config, new Map([...trust, ...brought])));
  },
  outcome(answer, _input, account, env) {
    if (isSuccess(answer)) return { is: 'keys', keys: readCertificates(answer, account, env) };
    const { code } = failureOf('query', answer);
    const none = code === 'RESOURCE_NOT_EXISTS' || code === 'NOT_FOUND';
    return none ? { is: 'keys', keys: new Map() } : ask('unlisted', code);
  },
};

/** Keys by serial number of the certificates that have not expired. Throws when one does not decrypt or is another than it says. */
function readCertificates(answer: WireAnswer, { config }: Account<Config>, env: Env): Trust {
  const { data } = jsonOf(answer);
  if (!Array.isArray(data)) throw new Error('data is not a list');
  const keys = new Map<string, KeyObject>();
  for (const entry of data as Json[]) {
    const expires_at = parseRfc3339(requiredText(entry, 'expire_time'));
    if (!expires_at || expires_at <= env.now) continue;
    const serial_no = requiredText(entry, 'serial_no');
    const read = certificateOf(decrypt(config.apiv3_key, resourceOf(objectOf(entry, 'encrypt_certificate'))));
    if (read.serial_no !== serial_no) throw new Error('a certificate is not the one that it is said to be');
    keys.set(serial_no, read.certificate.publicKey);
  }
  return keys;
}

/** An encrypted part of a message. */
export function resourceOf(json: Json) {
  const associated_data = textOf(json, 'associated_data');
  return {
    algorithm: requiredText(json, 'algorithm'),
    ciphertext: requiredText(json, 'ciphertext'),
    nonce: requiredText(json, 'nonce'),
    ...(associated_data === undefined ? {} : { associated_data }),
  };
}
