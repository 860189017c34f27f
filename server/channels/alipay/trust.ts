import type { KeyObject, X509Certificate } from 'node:crypto';
import { leadsToRoot, readCertificates } from '../certificates.ts';
import type { Account, Env, Operation, TrustFact, TrustInput, WireAnswer } from '../define.ts';
import { certificateSn } from './certificates.ts';
import { type Config, keysOf } from './config.ts';
import { success_code } from './errors.ts';
import { isEnvelopeSignedBy } from './sign.ts';
import { envelopeOf, readResult, requestCall, textOf, verifyCall } from './wire.ts';

const api = 'alipay.open.app.alipaycert.download';
const question_api = 'alipay.trade.query';

/** Alipay renews its certificate every few years and names the new one in its answers. Only the configured roots make one believable. */
function downloaded(answer: WireAnswer, account: Account<Config>, env: Env): X509Certificate | undefined {
  const { certificates } = keysOf(account.config);
  const { code, fields } = readResult(answer, api, account);
  const content = textOf(fields, 'alipay_cert_content');
  if (code !== success_code || content === undefined || !certificates) return undefined;
  const chain = readCertificates(Buffer.from(content, 'base64').toString('utf8'));
  // A merchant's certificate leads to the same roots; this account's own must not vouch for the gateway.
  const leaf = chain[0] && !chain[0].publicKey.equals(certificates.app.publicKey) ? chain[0] : undefined;
  return leaf && leadsToRoot(chain, certificates.roots, env.now) ? leaf : undefined;
}

function fetched(leaf: X509Certificate, sn: string | undefined): ReadonlyMap<string, KeyObject> | undefined {
  const own_sn = certificateSn(leaf);
  return sn === undefined || sn === own_sn ? new Map([[own_sn, leaf.publicKey]]) : undefined;
}

/**
 * Downloads the certificate that an answer named. The new certificate signs this very answer, so it is checked against
 * the roots first and then used to check the rest. In key mode, and when no certificate is named, there is nothing to fetch.
 * @see https://opendocs.alipay.com/open/04pnmz
 */
export const fetchTrust: Operation<Config, TrustInput, TrustFact> = {
  retry: 'same_key',
  request: ({ unknown_key }, account, env) => {
    const { alipay, certificates } = keysOf(account.config);
    if (!certificates || unknown_key === undefined) return { local: { is: 'keys', keys: new Map(certificates ? [[certificates.alipay_sn, alipay]] : []) } };
    return requestCall({ api, content: { alipay_cert_sn: unknown_key } }, account, env);
  },
  verify: (answer, account, trust, env) => {
    const verdict = verifyCall(api)(answer, account, trust);
    if (typeof verdict === 'string') return verdict;
    const leaf = downloaded(answer, account, env);
    const envelope = envelopeOf(answer, api);
    const is_genuine = leaf && envelope && certificateSn(leaf) === verdict.unknown_key && isEnvelopeSignedBy(leaf.publicKey, envelope);
    return is_genuine ? 'valid' : 'invalid';
  },
  outcome: (answer, { unknown_key }, account, env) => {
    const leaf = downloaded(answer, account, env);
    const keys = leaf && fetched(leaf, unknown_key);
    return keys ? { is: 'keys', keys } : { is: 'ask', why: 'unlisted', detail: 'no certificate that leads to the configured roots' };
  },
};

/**
 * Asks about an order that nobody has: the answer is signed like any other and names its certificate. Messages to the
 * notification URL do not, so that after a renewal they are not believed before Alipay has answered something.
 */
export const probe: Operation<Config, TrustInput, TrustFact> = {
  retry: 'same_key',
  request: (_, account, env) => requestCall({ api: question_api, content: { out_trade_no: env.nonce } }, account, env),
  verify: verifyCall(question_api),
  // What it learns is learnt by verifying it.
  outcome: () => ({ is: 'keys', keys: new Map() }),
};
