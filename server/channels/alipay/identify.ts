import type { Identify, PayerFact, Settled } from '../define.ts';
import type { Config } from './config.ts';
import { asks, envelopeOf, type Fields, requestCall, textOf, verifyCall } from './wire.ts';

const api = 'alipay.system.oauth.token';

/**
 * The wallet's sign-in, silent (`auth_base`): auth_code → user number or openid. A service provider asks in the name of the
 * merchant's application; that combination is not confirmed by a document that we read.
 * @see https://opendocs.alipay.com/open/02aiso
 */
export const identify: Identify<Config> = {
  authorizeUrl({ redirect_url, state }, { oauth_url, auth_app_id, app_id }) {
    const query = new URLSearchParams({ app_id: auth_app_id ?? app_id, scope: 'auth_base', redirect_uri: redirect_url, state });
    return `${oauth_url ?? 'https://openauth.alipay.com/oauth2/publicAppAuthorize.htm'}?${query}`;
  },
  codeOf: ({ auth_code }) => (auth_code !== undefined && /^[0-9A-Za-z_-]{1,128}$/.test(auth_code) ? auth_code : undefined),
  exchange: {
    retry: 'never',
    request: ({ code }, account, env) => requestCall({ api, content: {}, params: { grant_type: 'authorization_code', code } }, account, env),
    verify: verifyCall(api),
    outcome(answer) {
      const envelope = envelopeOf(answer, api);
      if (!envelope) throw new Error(`not an answer of ${api}`);
      return payerOf(JSON.parse(envelope.raw) as Fields);
    },
  },
};

/** A success has no code of its own, unlike every other API's. */
function payerOf(fields: Fields): Settled<PayerFact> {
  const code = textOf(fields, 'code');
  if (code !== undefined && code !== '10000') return failureOf(code, textOf(fields, 'sub_code'));
  const payer_id = textOf(fields, 'user_id') ?? textOf(fields, 'open_id');
  if (payer_id === undefined || !/^[0-9A-Za-z_-]{1,128}$/.test(payer_id)) throw new Error('an answer without a payer');
  return { is: 'payer', payer_id };
}

const refusals: Readonly<Record<string, 'code' | 'configuration'>> = {
  'isv.code-invalid': 'code',
  'isv.grant-type-invalid': 'configuration',
  'isv.unmatched-app-id': 'configuration',
  'isv.invalid-app-id': 'configuration',
  'isv.invalid-signature': 'configuration',
};

function failureOf(code: string, sub_code: string | undefined): Settled<PayerFact> {
  const why = sub_code === undefined ? undefined : refusals[sub_code];
  return why === undefined || sub_code === undefined ? asks(code, sub_code) : { is: 'refused', why, channel_code: sub_code };
}
