import { assert } from '../../kernel/assert.ts';
import { formatYuan } from '../../kernel/money.ts';
import { formatShanghai } from '../../kernel/time.ts';
import type { Account, Env, Local, Operation, PayFact, PayInput, Settled } from '../define.ts';
import { type Config, gatewayOf } from './config.ts';
import { pay_codes, paying_code, success_code } from './errors.ts';
import { paidNow } from './trade.ts';
import { type Call, type Fields, readResult, refusalOf, requestCall, signedCall, splitParams, textOf, verifyCall, withGateway } from './wire.ts';

type PayOperation = Operation<Config, PayInput, PayFact>;

/** The gateway refuses these three in a subject, so their full-width forms stand in for them. */
const forbidden_in_subject: Readonly<Record<string, string>> = { '/': '／', '=': '＝', '&': '＆' };

const subjectOf = (input: PayInput): string => input.subject.replace(/[/=&]/g, (character) => forbidden_in_subject[character] as string);

/** What every way of paying sends. `seller_id` binds the order to the account's receiver, so that no other can get the money. */
function orderBlock(input: PayInput, { config }: Account<Config>): Record<string, unknown> {
  return {
    out_trade_no: input.channel_order_no,
    total_amount: formatYuan(input.amount_fen),
    subject: subjectOf(input),
    seller_id: config.seller_id,
    ...(input.terminal_id === undefined ? {} : { terminal_id: input.terminal_id }),
    ...(config.sys_service_provider_id === undefined ? {} : { extend_params: { sys_service_provider_id: config.sys_service_provider_id } }),
  };
}

const payerIp = ({ payer_ip }: PayInput) => (payer_ip === undefined ? undefined : { mc_create_trade_ip: payer_ip });

/** Expiry by the clock of Beijing; every API but precreate takes it. */
const timeExpire = (input: PayInput) => ({ time_expire: formatShanghai(input.expires_at) });

const code_minutes_max = 120;

/** Precreate takes durations only, in whole minutes; the code itself lives two hours at most. */
function relativeExpiry(input: PayInput, env: Env) {
  const minutes = Math.max(1, Math.floor((input.expires_at.getTime() - env.now.getTime()) / 60_000));
  return { timeout_express: `${minutes}m`, qr_code_timeout_express: `${Math.min(minutes, code_minutes_max)}m` };
}

/** Throws unless the answer names the order that was asked about. */
export function assertSameOrder(fields: Fields, channel_order_no: string): void {
  if (textOf(fields, 'out_trade_no') !== channel_order_no) throw new Error('the answer is about another order');
}

/** A call that makes an order at the gateway; `action` reads what the payer does next from its answer. */
function serverPay(
  api: string,
  content: (input: PayInput, account: Account<Config>, env: Env) => Record<string, unknown>,
  action: (fields: Fields) => Extract<PayFact, { is: 'waiting' }>['action'],
): PayOperation {
  return {
    retry: 'same_key',
    request: (input, account, env) => {
      const business_params = payerIp(input);
      const whole = { ...orderBlock(input, account), ...(business_params ? { business_params } : {}), ...content(input, account, env) };
      return requestCall({ api, content: whole, notify_url: input.notify_url }, account, env);
    },
    verify: verifyCall(api),
    outcome: (answer, input, account) => {
      const result = readResult(answer, api, account);
      if (result.code !== success_code) return refusalOf(result, ...withGateway(pay_codes));
      assertSameOrder(result.fields, input.channel_order_no);
      return { is: 'waiting', action: action(result.fields) };
    },
  };
}

function required(fields: Fields, name: string): string {
  const value = textOf(fields, name);
  if (value === undefined) throw new Error(`${name} is missing`);
  return value;
}

/** @see https://opendocs.alipay.com/open/02ekfg */
const qr = serverPay(
  'alipay.trade.precreate',
  (input, _account, env) => relativeExpiry(input, env),
  (fields) => ({ type: 'show_qr', qr_content: required(fields, 'qr_code') }),
);

const is_user_id = /^2088\d{12}$/;

/** A payer is a user number, or an openid of the application that logged the payer in. */
function payerOf({ payer_id }: PayInput, openid_field: 'buyer_open_id' | 'op_buyer_open_id'): Record<string, string> {
  assert(payer_id !== undefined, 'a payment inside the wallet names its payer');
  return is_user_id.test(payer_id) ? { buyer_id: payer_id } : { [openid_field]: payer_id };
}

/** @see https://opendocs.alipay.com/open/02ekfj */
const jsapi = serverPay(
  'alipay.trade.create',
  (input) => ({ product_code: 'FACE_TO_FACE_PAYMENT', ...timeExpire(input), ...payerOf(input, 'buyer_open_id') }),
  (fields) => ({ type: 'invoke', wallet: 'alipay', api: 'AlipayJSBridge.tradePay', params: { tradeNO: required(fields, 'trade_no') } }),
);

/** The mini-program's own product: the gateway is told which one pays, and an openid is that one's. */
const mini = serverPay(
  'alipay.trade.create',
  (input, { config }) => {
    const op_app_id = input.app_id ?? config.mini_app_id ?? config.app_id;
    const openid_field = op_app_id === config.app_id ? 'buyer_open_id' : 'op_buyer_open_id';
    return { product_code: 'JSAPI_PAY', op_app_id, ...timeExpire(input), ...payerOf(input, openid_field) };
  },
  (fields) => ({ type: 'invoke', wallet: 'alipay', api: 'my.tradePay', params: { tradeNO: required(fields, 'trade_no') } }),
);

/** Face payment: the terminal gives 35 characters that begin with `fp`. */
const sceneOf = (auth_code: string): string => (/^fp/.test(auth_code) ? 'security_code' : 'bar_code');

const pay_api = 'alipay.trade.pay';

/**
 * A repeat could meet the code's second use, so an unanswered call is asked about and not sent again.
 * @see https://opendocs.alipay.com/open/02ekfp
 */
const barcode: PayOperation = {
  retry: 'never',
  request: (input, account, env) => {
    assert(input.auth_code !== undefined, 'a payment code was given');
    const business_params = payerIp(input);
    const content = {
      ...orderBlock(input, account),
      scene: sceneOf(input.auth_code),
      auth_code: input.auth_code,
      ...timeExpire(input),
      ...(business_params ? { business_params } : {}),
    };
    return requestCall({ api: pay_api, content, notify_url: input.notify_url }, account, env);
  },
  verify: verifyCall(pay_api),
  outcome: (answer, input, account) => {
    const result = readResult(answer, pay_api, account);
    if (result.code !== success_code && result.code !== paying_code) return refusalOf(result, ...withGateway(pay_codes));
    assertSameOrder(result.fields, input.channel_order_no);
    return paidNow(result) ?? { is: 'waiting', action: { type: 'wait' } };
  },
};

type Link = (account: Account<Config>, params: Readonly<Record<string, string>>) => Extract<PayFact, { is: 'waiting' }>['action'];

/** A signed link: no call is made, and the gateway knows no order until the payer opens its cashier. */
function localPay(api: string, content: (input: PayInput) => Record<string, unknown>, link: Link): PayOperation {
  return {
    retry: 'never',
    request: (input, account, env) => {
      const ip = payerIp(input);
      const whole = { ...orderBlock(input, account), ...timeExpire(input), ...content(input), ...(ip ? { business_params: JSON.stringify(ip) } : {}) };
      const call: Call = { api, content: whole, notify_url: input.notify_url, return_url: input.return_url };
      return signedCall(call, account, env, (params): Local<Settled<PayFact>> => ({ local: { is: 'waiting', action: link(account, params) } }));
    },
    verify: () => 'invalid',
    outcome: () => {
      throw new Error(`${api} has no answer`);
    },
  };
}

/** @see https://opendocs.alipay.com/open/02ivbs */
const wap = localPay(
  'alipay.trade.wap.pay',
  ({ return_url }) => ({ product_code: 'QUICK_WAP_WAY', ...(return_url === undefined ? {} : { quit_url: return_url }) }),
  ({ config }, params) => ({ type: 'redirect', url: `${gatewayOf(config).href}?${new URLSearchParams(params)}` }),
);

/** @see https://opendocs.alipay.com/open/028r8t */
const page = localPay(
  'alipay.trade.page.pay',
  () => ({ product_code: 'FAST_INSTANT_TRADE_PAY' }),
  ({ config }, params) => {
    const { query, body } = splitParams(params);
    return { type: 'submit_form', url: `${gatewayOf(config).href}?${query}`, fields: body };
  },
);

/** The order string goes to the app as it is. @see https://opendocs.alipay.com/open/02e7gq */
const app = localPay(
  'alipay.trade.app.pay',
  () => ({ product_code: 'QUICK_MSECURITY_PAY' }),
  (_account, params) => ({ type: 'invoke', wallet: 'alipay', api: 'AlipaySDK.payOrder', params: { orderStr: new URLSearchParams(params).toString() } }),
);

export const pay = {
  alipay_qr: qr,
  alipay_jsapi: jsapi,
  alipay_mini: mini,
  alipay_wap: wap,
  alipay_page: page,
  alipay_app: app,
  alipay_barcode: barcode,
} as const;
