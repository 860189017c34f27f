import type { Identify, PayerFact, Settled } from '../define.ts';
import { applicationOf, type Config } from './config.ts';
import { ask, integerOf, type Json, jsonOf, textOf, user_agent } from './wire.ts';

/**
 * Web authorisation of an official account, silent (`snsapi_base`): code → openid. The answer carries no signature: it is
 * believed because it came over https from the host that was asked.
 * @see https://developers.weixin.qq.com/doc/offiaccount/OA_Web_Apps/Wechat_webpage_authorization.html
 */
export const identify: Identify<Config> = {
  authorizeUrl({ redirect_url, state }, config) {
    if (config.app_secret === undefined) return undefined;
    // Some clients look at the order of the parameters.
    const query = `appid=${applicationOf(config, undefined).invoked}&redirect_uri=${encodeURIComponent(redirect_url)}&response_type=code&scope=snsapi_base&state=${state}`;
    return `${config.oauth_page_url ?? 'https://open.weixin.qq.com'}/connect/oauth2/authorize?${query}#wechat_redirect`;
  },
  codeOf: ({ code }) => (code !== undefined && /^[0-9A-Za-z_-]{1,128}$/.test(code) ? code : undefined),
  exchange: {
    // A code is taken once: a repeat of a lost call would only hear that it was used.
    retry: 'never',
    request({ code }, { config }) {
      const url = new URL(config.oauth_api_url ?? 'https://api.weixin.qq.com');
      const { invoked } = applicationOf(config, undefined);
      const query = new URLSearchParams({ appid: invoked, secret: config.app_secret?.expose() ?? '', code, grant_type: 'authorization_code' });
      return {
        method: 'GET',
        origin: url.origin,
        path: `${url.pathname === '/' ? '' : url.pathname}/sns/oauth2/access_token?${query}`,
        headers: { accept: 'application/json', 'user-agent': user_agent },
      };
    },
    verify: (answer) => (answer.status === 200 ? 'valid' : 'invalid'),
    outcome: (answer, _input, { config }) => payerOf(jsonOf(answer), applicationOf(config, undefined).invoked),
  },
};

/** Errors come with status 200. */
function payerOf(json: Json, app_id: string): Settled<PayerFact> {
  const code = integerOf(json, 'errcode');
  if (code !== undefined && code !== 0) return failureOf(code);
  // A preview without sign-in has an openid of nobody.
  if (integerOf(json, 'is_snapshotuser') === 1) return { is: 'refused', why: 'payer', channel_code: 'is_snapshotuser' };
  const payer_id = textOf(json, 'openid');
  if (payer_id === undefined || !/^[0-9A-Za-z_-]{1,128}$/.test(payer_id)) throw new Error('an answer without openid');
  return { is: 'payer', payer_id, app_id };
}

const refusals: Readonly<Record<number, 'code' | 'payer' | 'configuration'>> = {
  40029: 'code',
  40163: 'code',
  41008: 'code',
  42003: 'code',
  40226: 'payer',
  40013: 'configuration',
  40125: 'configuration',
};

function failureOf(errcode: number): Settled<PayerFact> {
  const why = refusals[errcode];
  if (why !== undefined) return { is: 'refused', why, channel_code: String(errcode) };
  return ask(errcode === 45011 ? 'rate_limited' : errcode === -1 ? 'server_error' : 'unlisted', String(errcode));
}
