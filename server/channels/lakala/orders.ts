import { type Method, methods, type NextAction } from '@heliu/contract';
import { fenToNumber } from '../../kernel/money.ts';
import type { PaymentFact } from '../../kernel/outcome.ts';
import { parseShanghaiCompact } from '../../kernel/time.ts';
import { asOf, type Operation, type OrderInput, type PayFact, type PayInput, type Settled, type UndoFact } from '../define.ts';
import { ask, fenField, payFailure, queryFailure, refused, refusedHere, textInBytes, undoFailure } from '../meaning.ts';
import type { Config } from './config.ts';
import { dataOf, type Json, optionalText, signedRequest, textIn, verifyAnswer } from './wire.ts';

/** Orders of the labs interfaces. Amounts are texts in fen. */

const minute_ms = 60_000;
/** Lakala advises at most a quarter of an hour. */
const timeout_min_max = 15;

/** Lakala wants to know where a payment comes from. */
const locationOf = ({ payer_ip }: { readonly payer_ip?: string }): Json => ({ request_ip: payer_ip ?? '127.0.0.1' });

const ways = {
  wechat_jsapi: { account_type: 'WECHAT', trans_type: '51' },
  wechat_mini: { account_type: 'WECHAT', trans_type: '71' },
  alipay_qr: { account_type: 'ALIPAY', trans_type: '41' },
  unionpay_qr: { account_type: 'UQRCODEPAY', trans_type: '41' },
} as const satisfies Partial<Record<Method, { readonly account_type: string; readonly trans_type: string }>>;
export type Prepaid = keyof typeof ways;

const common = (input: PayInput): Json => ({
  out_trade_no: input.channel_order_no,
  total_amount: String(fenToNumber(input.amount_fen)),
  location_info: locationOf(input),
  subject: textInBytes(input.subject, 42),
  notify_url: input.notify_url,
});

/** Makes an order. It is not repeated: how a number that was used is answered is not published. */
export function prepay(method: Prepaid): Operation<Config, PayInput, PayFact> {
  return {
    retry: 'never',
    request(input, account, env) {
      if (input.currency !== 'CNY') return refusedHere('currency_not_supported', 'HELIU_CURRENCY', 'Lakala takes CNY only');
      const payer = payerOf(method, input, account.config);
      if (payer === undefined) return refusedHere('configuration_error', 'HELIU_PAYER_MISSING', 'the wallet has to be told who pays, and in which application');
      const minutes = Math.min(timeout_min_max, Math.max(1, Math.floor((input.expires_at.getTime() - env.now.getTime()) / minute_ms)));
      const acc_busi_fields = { timeout_express: String(minutes), ...payer };
      return signedRequest(account, env, '/api/v3/labs/trans/preorder', { ...common(input), ...ways[method], settle_type: '0', acc_busi_fields });
    },
    verify: verifyAnswer,
    outcome(answer, _, { config }) {
      const { data, failure } = dataOf(answer, config);
      return failure ? payFailure(failure) : { is: 'waiting', action: actionOf(method, data) };
    },
  };
}

function payerOf(method: Prepaid, { payer_id, app_id }: PayInput, { sub_appid }: Config): Json | undefined {
  if (methods[method].scene === 'qr') return {};
  const application = app_id ?? sub_appid;
  return payer_id === undefined || application === undefined ? undefined : { sub_appid: application, user_id: payer_id };
}

function actionOf(method: Prepaid, data: Json): NextAction {
  const fields = data.acc_resp_fields;
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) throw new Error('acc_resp_fields is missing');
  const json = fields as Json;
  if (methods[method].scene === 'qr') return { type: 'show_qr', qr_content: textIn(json, 'code') };
  const params = {
    appId: textIn(json, 'app_id'),
    timeStamp: textIn(json, 'time_stamp'),
    nonceStr: textIn(json, 'nonce_str'),
    package: textIn(json, 'package'),
    signType: textIn(json, 'sign_type'),
    paySign: textIn(json, 'pay_sign'),
  };
  return { type: 'invoke', wallet: 'wechat', api: method === 'wechat_mini' ? 'wx.requestPayment' : 'WeixinJSBridge.getBrandWCPayRequest', params };
}

/** Charges a payment code; the gateway finds the wallet. One number is one scan, so the request is never repeated. */
export const chargeCode: Operation<Config, PayInput, PayFact> = {
  retry: 'never',
  request(input, account, env) {
    if (input.currency !== 'CNY') return refusedHere('currency_not_supported', 'HELIU_CURRENCY', 'Lakala takes CNY only');
    if (input.auth_code === undefined) return refusedHere('payment_code_invalid', 'HELIU_AUTH_CODE_MISSING', 'auth_code is required for payment codes');
    return signedRequest(account, env, '/api/v3/labs/trans/micropay', { ...common(input), auth_code: input.auth_code, busi_mode: 'ACQ', settle_type: '0' });
  },
  verify: verifyAnswer,
  outcome(answer, input, { config }) {
    const { data, failure } = dataOf(answer, config);
    if (failure) return payFailure(failure);
    // A success that does not say all that has to be compared is asked about.
    return isWhole(data) ? paid(data, input) : { is: 'waiting', action: { type: 'wait' } };
  },
};

export const queryOrder: Operation<Config, OrderInput, PaymentFact> = {
  retry: 'same_key',
  request: (input, account, env) => signedRequest(account, env, '/api/v3/labs/query/tradequery', { out_trade_no: input.channel_order_no }),
  verify: verifyAnswer,
  outcome(answer, input, { config }, env) {
    const { data, failure } = dataOf(answer, config);
    if (failure) return queryFailure(failure);
    const state = textIn(data, 'trade_state');
    return state === 'FAIL' && mayStillBePaid(input, asOf(env)) ? ask('unlisted', state) : readState(data, state, input);
  },
};

/** Whether the whole order has failed, or one payer of a code that another may still scan, is not published: before its time is over it is asked about. */
const mayStillBePaid = ({ method, expires_at }: OrderInput, at: Date): boolean => methods[method].scene !== 'barcode' && at < expires_at;

const isWhole = (data: Json): boolean => ['trade_no', 'total_amount', 'trade_time'].every((name) => optionalText(data, name) !== undefined);

/** `PART_REFUND` was paid, and so was `REFUND`, unless the order was undone before: then no payment is named. `UNKNOWN` is the gateway's own doubt. */
export function readState(data: Json, state: string, input: { readonly channel_order_no: string }): Settled<PaymentFact> {
  // Only a success is promised to name its order; what names another one says nothing of ours.
  if ((optionalText(data, 'out_trade_no') ?? input.channel_order_no) !== input.channel_order_no) return ask('unreadable', 'the answer is about another order');
  switch (state) {
    case 'SUCCESS':
    case 'PART_REFUND':
      return paid(data, input);
    case 'REFUND':
      return isWhole(data) ? paid(data, input) : ask('unlisted', state);
    case 'INIT':
    case 'CREATE':
    case 'DEAL':
      return { is: 'waiting' };
    case 'CLOSE':
      return { is: 'closed' };
    case 'FAIL':
      return refused('other', state);
    default:
      return ask('unlisted', state);
  }
}

function paid(data: Json, { channel_order_no }: { readonly channel_order_no: string }): Settled<PaymentFact & { is: 'paid' }> {
  if (textIn(data, 'out_trade_no') !== channel_order_no) return ask('unreadable', 'the answer is about another order');
  const paid_at = parseShanghaiCompact(textIn(data, 'trade_time'));
  if (!paid_at) throw new Error('trade_time is not a time');
  const [payer_amount, payer_id, merchant_no] = ['payer_amount', 'user_id1', 'merchant_no'].map((name) => optionalText(data, name));
  return {
    is: 'paid',
    success: {
      channel_transaction_id: textIn(data, 'trade_no'),
      amount_fen: fenField({ total_amount: textIn(data, 'total_amount') }, 'total_amount'),
      currency: 'CNY',
      ...(payer_amount === undefined ? {} : { payer_amount_fen: fenField({ payer_amount }, 'payer_amount') }),
      paid_at,
      ...(payer_id === undefined ? {} : { payer_id }),
      identity: merchant_no === undefined ? {} : { merchant_no },
    },
  };
}

export const closeOrder: Operation<Config, OrderInput, UndoFact> = {
  retry: 'same_key',
  request: (input, account, env) =>
    signedRequest(account, env, '/api/v3/labs/relation/close', { origin_out_trade_no: input.channel_order_no, location_info: locationOf({}) }),
  verify: verifyAnswer,
  outcome(answer, _, { config }) {
    const { failure } = dataOf(answer, config);
    return failure ? undoFailure(failure) : { is: 'closed', money: 'none' };
  },
};

/** Undoes a charge by payment code, money back included. The undoing has a number of its own, which follows from the order's. */
export const reverseOrder: Operation<Config, OrderInput, UndoFact> = {
  retry: 'same_key',
  request: (input, account, env) =>
    signedRequest(account, env, '/api/v3/labs/relation/revoked', {
      out_trade_no: `R${input.channel_order_no.slice(1)}`,
      origin_out_trade_no: input.channel_order_no,
      location_info: locationOf({}),
    }),
  verify: verifyAnswer,
  outcome(answer, _, { config }) {
    const { failure } = dataOf(answer, config);
    return failure ? undoFailure(failure) : { is: 'closed', money: 'not_said' };
  },
};
