import type { Method, NextAction } from '@heliu/contract';
import { fenToNumber, toFen } from '../../kernel/money.ts';
import type { PaymentFact, Success } from '../../kernel/outcome.ts';
import { formatShanghaiRfc3339, parseRfc3339 } from '../../kernel/time.ts';
import type { Account, Env, Local, Operation, OrderInput, PayFact, PayInput, Settled, Signable, Step, UndoFact, WireAnswer, WireRequest } from '../define.ts';
import { applicationOf, type Config } from './config.ts';
import { payMessage } from './sign.ts';
import { subjectInCharacters } from './subject.ts';
import {
  ask,
  failureOf,
  integerOf,
  isSuccess,
  type Json,
  jsonOf,
  objectOf,
  refused,
  refusedHere,
  requiredInteger,
  requiredText,
  signedRequest,
  textOf,
  toSign,
  unixSeconds,
  verifyAnswer,
} from './wire.ts';

/** Orders of APIv3: native, JSAPI, mini-program, app and H5. @see https://pay.weixin.qq.com/doc/v3/merchant/4012791874 */

type V3Method = Extract<Method, 'wechat_qr' | 'wechat_jsapi' | 'wechat_mini' | 'wechat_app' | 'wechat_h5'>;
const products: Record<V3Method, string> = { wechat_qr: 'native', wechat_jsapi: 'jsapi', wechat_mini: 'jsapi', wechat_app: 'app', wechat_h5: 'h5' };

/** Where the calls of a mode are. */
const basePath = ({ mode }: Config): string => (mode === 'direct' ? '/v3/pay/transactions' : '/v3/pay/partner/transactions');

/** The parties of an order as every body of this mode names them. */
const parties = ({ mode, mchid, sub_mchid }: Config): Json => (mode === 'direct' ? { mchid } : { sp_mchid: mchid, sub_mchid });

/** Prepay. The same number with the same fields gives the same order, so a lost answer may be asked for again. */
export function prepay(method: V3Method): Operation<Config, PayInput, PayFact> {
  return {
    retry: 'same_key',
    request: (input, account, env) => requestPrepay(method, input, account, env),
    verify: verifyAnswer,
    outcome: (answer, input, account, env) =>
      isSuccess(answer) ? outcomeOfPrepay(method, jsonOf(answer), input, account.config, env) : refusalOfPrepay(answer),
  };
}

function requestPrepay(method: V3Method, input: PayInput, account: Account<Config>, env: Env): Step<WireRequest | Local<Settled<PayFact>>> {
  const { config } = account;
  const payer = payerOf(method, input, config);
  if (input.currency !== 'CNY') return refusedHere('currency_not_supported', 'HELIU_CURRENCY', 'WeChat Pay takes CNY only');
  if (needsPayer(method) && payer === undefined) return refusedHere('configuration_error', 'HELIU_PAYER_ID_MISSING', 'payer_id is required for this method');
  if (method === 'wechat_h5' && input.payer_ip === undefined)
    return refusedHere('configuration_error', 'HELIU_PAYER_IP_MISSING', 'payer_ip is required for H5');
  const application = applicationOf(config, input.app_id);
  const body = {
    ...(config.mode === 'direct' ? { appid: application.appid } : { sp_appid: application.appid, ...present('sub_appid', application.sub_appid) }),
    ...parties(config),
    description: subjectInCharacters(input.subject),
    out_trade_no: input.channel_order_no,
    time_expire: formatShanghaiRfc3339(input.expires_at),
    notify_url: input.notify_url,
    amount: { total: fenToNumber(input.amount_fen), currency: 'CNY' },
    ...present('payer', payer),
    ...present('scene_info', sceneOf(method, input)),
  };
  return signedRequest(account, env, { method: 'POST', path: `${basePath(config)}/${products[method]}`, body });
}

const needsPayer = (method: V3Method): boolean => products[method] === 'jsapi';

/** An openid belongs to one application: in provider mode the field's name says to whose. */
function payerOf(method: V3Method, { payer_id, app_id }: PayInput, config: Config): Json | undefined {
  if (!needsPayer(method) || payer_id === undefined) return undefined;
  if (config.mode === 'direct') return { openid: payer_id };
  return applicationOf(config, app_id).sub_appid === undefined ? { sp_openid: payer_id } : { sub_openid: payer_id };
}

/** The scene needs the payer's address, so without one it is left out. */
function sceneOf(method: V3Method, { payer_ip, terminal_id }: PayInput): Json | undefined {
  if (payer_ip === undefined) return undefined;
  return { payer_client_ip: payer_ip, ...present('device_id', terminal_id), ...(method === 'wechat_h5' ? { h5_info: { type: 'Wap' } } : {}) };
}

const present = (name: string, value: unknown): Json => (value === undefined ? {} : { [name]: value });

function refusalOfPrepay(answer: WireAnswer): Settled<PayFact> {
  const { meaning, code, message } = failureOf('prepay', answer);
  if (meaning.final === 'no') return refused(meaning.reason, code, message);
  return meaning.final === 'ask' ? ask(meaning.why, code) : ask('unlisted', code);
}

function outcomeOfPrepay(method: V3Method, json: Json, input: PayInput, config: Config, env: Env): Step<Settled<PayFact>> {
  if (method === 'wechat_qr') return waiting({ type: 'show_qr', qr_content: requiredText(json, 'code_url') });
  if (method === 'wechat_h5') return waiting({ type: 'redirect', url: withReturn(requiredText(json, 'h5_url'), input.return_url) });
  return invocation(method, requiredText(json, 'prepay_id'), input, config, env);
}

const waiting = (action: NextAction): Settled<PayFact> => ({ is: 'waiting', action });

/** The one parameter that may be added to h5_url; its domain must be registered. */
const withReturn = (h5_url: string, return_url: string | undefined): string =>
  return_url === undefined ? h5_url : `${h5_url}&redirect_url=${encodeURIComponent(return_url)}`;

/** What the page, mini-program or app passes to the wallet, signed with the merchant's key. @see https://pay.weixin.qq.com/doc/v3/merchant/4012365341 */
function invocation(
  method: 'wechat_jsapi' | 'wechat_mini' | 'wechat_app',
  prepay_id: string,
  input: PayInput,
  config: Config,
  env: Env,
): Signable<Settled<PayFact>> {
  const appid = applicationOf(config, input.app_id).invoked;
  const time = unixSeconds(env.now);
  const { nonce } = env;
  if (method === 'wechat_app') {
    const partnerid = config.sub_mchid ?? config.mchid;
    const params = { appid, partnerid, prepayid: prepay_id, package: 'Sign=WXPay', noncestr: nonce, timestamp: time };
    return toSign(config, payMessage(appid, time, nonce, prepay_id), (sign) => invoke('WXPay.sendReq', { ...params, sign }));
  }
  const params = { timeStamp: time, nonceStr: nonce, package: `prepay_id=${prepay_id}`, signType: 'RSA' };
  return toSign(config, payMessage(appid, time, nonce, params.package), (paySign) =>
    method === 'wechat_mini'
      ? invoke('wx.requestPayment', { ...params, paySign })
      : invoke('WeixinJSBridge.getBrandWCPayRequest', { appId: appid, ...params, paySign }),
  );
}

const invoke = (api: string, params: Record<string, string>): Settled<PayFact> => waiting({ type: 'invoke', wallet: 'wechat', api, params });

/** Query by our number. @see https://pay.weixin.qq.com/doc/v3/merchant/4012791880 */
export const queryOrder: Operation<Config, OrderInput, PaymentFact> = {
  retry: 'same_key',
  request({ channel_order_no }, account, env) {
    const query = new URLSearchParams(parties(account.config) as Record<string, string>).toString();
    const path = `${basePath(account.config)}/out-trade-no/${encodeURIComponent(channel_order_no)}?${query}`;
    return signedRequest(account, env, { method: 'GET', path });
  },
  verify: verifyAnswer,
  outcome(answer, input, account) {
    if (!isSuccess(answer)) return absenceOf(answer);
    const json = jsonOf(answer);
    if (requiredText(json, 'out_trade_no') !== input.channel_order_no) return ask('unreadable', 'the answer is about another order');
    return readTransaction(json, account.config);
  },
};

function absenceOf(answer: WireAnswer): Settled<PaymentFact> {
  const { meaning, code } = failureOf('query', answer);
  if (meaning.final === 'wait' && meaning.state === 'not_found') return { is: 'not_found' };
  return ask(meaning.final === 'ask' ? meaning.why : 'unlisted', code);
}

/** Reads a transaction as a query answers it and a notification carries it. An order that was refunded was paid. */
export function readTransaction(json: Json, config: Config): Settled<PaymentFact> {
  const state = requiredText(json, 'trade_state');
  switch (state) {
    case 'SUCCESS':
    case 'REFUND':
      return { is: 'paid', success: successOf(json, config) };
    case 'NOTPAY':
    case 'USERPAYING':
    case 'ACCEPT':
      return { is: 'waiting' };
    case 'CLOSED':
    case 'REVOKED':
      return { is: 'closed' };
    case 'PAYERROR':
      return refused('other', state, textOf(json, 'trade_state_desc'));
    default:
      return ask('unlisted', state);
  }
}

function successOf(json: Json, config: Config): Success {
  const amount = objectOf(json, 'amount');
  const payer_total = integerOf(amount, 'payer_total');
  const paid_at = parseRfc3339(requiredText(json, 'success_time'));
  if (!paid_at) throw new Error('success_time is not a time');
  const payer = objectOf(json, 'payer');
  const payer_id = textOf(payer, 'openid') ?? textOf(payer, 'sub_openid') ?? textOf(payer, 'sp_openid');
  return {
    channel_transaction_id: requiredText(json, 'transaction_id'),
    amount_fen: toFen(requiredInteger(amount, 'total')),
    currency: textOf(amount, 'currency') ?? 'CNY',
    ...(payer_total === undefined ? {} : { payer_amount_fen: toFen(payer_total) }),
    paid_at,
    ...(payer_id === undefined ? {} : { payer_id }),
    identity: receiverOf(json, config.mode),
  };
}

/** The receiver as the message names it, whichever it is: comparing is the shared verifier's work. */
function receiverOf(json: Json, mode: Config['mode']): Record<string, string> {
  const names = mode === 'direct' ? ['mchid', 'appid'] : ['sp_mchid', 'sub_mchid', 'sp_appid'];
  return Object.fromEntries(names.flatMap((name) => (textOf(json, name) === undefined ? [] : [[name, requiredText(json, name)]])));
}

/** Closes an unpaid order. A 204 for a number that the gateway never saw is also a close: nothing can be paid. @see https://pay.weixin.qq.com/doc/v3/merchant/4012791881 */
export const closeOrder: Operation<Config, OrderInput, UndoFact> = {
  retry: 'same_key',
  request({ channel_order_no }, account, env) {
    const path = `${basePath(account.config)}/out-trade-no/${encodeURIComponent(channel_order_no)}/close`;
    return signedRequest(account, env, { method: 'POST', path, body: parties(account.config) });
  },
  verify: verifyAnswer,
  outcome: (answer) => (isSuccess(answer) ? { is: 'closed', money: 'none' } : failureOfClose(answer)),
};

function failureOfClose(answer: WireAnswer): Settled<UndoFact> {
  const { meaning, code, message } = failureOf('close', answer);
  if (meaning.final === 'no') return refused(meaning.reason, code, message);
  if (meaning.final === 'ask') return ask(meaning.why, code);
  if (meaning.state === 'closed') return { is: 'closed', money: 'none' };
  if (meaning.state === 'not_found') return { is: 'not_found' };
  return meaning.state === 'not_closable' ? { is: 'not_closable' } : ask('unlisted', code);
}
