import { type Method, methods, type NextAction, type Wallet } from '@heliu/contract';
import { fenToNumber } from '../../kernel/money.ts';
import type { PaymentFact } from '../../kernel/outcome.ts';
import { formatShanghaiCompact, parseShanghaiCompact } from '../../kernel/time.ts';
import type { Account, Env, Operation, OrderInput, PayFact, PayInput, Settled, UndoFact } from '../define.ts';
import type { Fields } from '../flat-xml.ts';
import { ask, fenField, isOfToday, payFailure, queryFailure, refused, refusedHere, requiredField, textInBytes, undoFailure } from '../meaning.ts';
import type { Config } from './config.ts';
import { failureOf, fieldsOf, numberAt, ourNumber, signedRequest, verifyAnswer } from './wire.ts';

/** Orders made beforehand, charges by payment code, and what becomes of them. */

const order_types: Partial<Record<Wallet, string>> = { wechat: 'WECHAT', alipay: 'ALIPAY', unionpay: 'UNIONPAY', bestpay: 'BESTPAY', ecny: 'DIGICCY' };
export const orderType = (method: Method): string => order_types[methods[method].wallet] ?? '';

/** Orders live at most six hours here. */
const expire_min_max = 360;

function common(input: PayInput, config: Config, env: Env): Fields {
  const minutes = Math.min(expire_min_max, Math.max(1, Math.floor((input.expires_at.getTime() - env.now.getTime()) / 60_000)));
  return {
    mchnt_order_no: numberAt(config, input.channel_order_no),
    order_amt: String(fenToNumber(input.amount_fen)),
    goods_des: textInBytes(input.subject.replace(/[<>&]/g, ' '), 96),
    goods_detail: '',
    goods_tag: '',
    addn_inf: '',
    curr_type: 'CNY',
    txn_begin_ts: formatShanghaiCompact(input.created_at),
    term_ip: input.payer_ip ?? '127.0.0.1',
    reserved_expire_minute: String(minutes),
  };
}

const trade_types: Partial<Record<Method, string>> = { wechat_jsapi: 'JSAPI', wechat_mini: 'LETPAY', alipay_jsapi: 'FWC' };

/** Makes an order. It is not repeated: how a number that was used is answered is not published. */
export function prepay(method: Method): Operation<Config, PayInput, PayFact> {
  const trade_type = trade_types[method];
  return {
    retry: 'never',
    request(input, account, env) {
      const { config } = account;
      if (input.currency !== 'CNY') return refusedHere('currency_not_supported', 'HELIU_CURRENCY', 'Fuiou takes CNY only');
      // The address that is told of a payment may have no query.
      const own = { ...common(input, config, env), notify_url: input.notify_url };
      if (trade_type === undefined) return signedRequest(account, env, '/preCreate', { ...own, order_type: orderType(method) });
      if (input.payer_id === undefined) return refusedHere('configuration_error', 'HELIU_PAYER_ID_MISSING', 'payer_id is required for this method');
      const payer = { sub_openid: input.payer_id, sub_appid: input.app_id ?? config.sub_appid ?? '', openid: '', limit_pay: '', product_id: '' };
      return signedRequest(account, env, '/wxPreCreate', { ...own, ...payer, trade_type });
    },
    verify: verifyAnswer,
    outcome(answer, _, { config }) {
      const { fields, failure } = failureOf(answer, config, 'other');
      return failure ? payFailure(failure) : { is: 'waiting', action: actionOf(method, fields) };
    },
  };
}

function actionOf(method: Method, fields: Fields): NextAction {
  const { scene, wallet } = methods[method];
  if (scene === 'qr') return { type: 'show_qr', qr_content: requiredField(fields, 'qr_code') };
  if (wallet === 'alipay')
    return { type: 'invoke', wallet, api: 'AlipayJSBridge.tradePay', params: { tradeNO: requiredField(fields, 'reserved_transaction_id') } };
  const params = {
    appId: requiredField(fields, 'sdk_appid'),
    timeStamp: requiredField(fields, 'sdk_timestamp'),
    nonceStr: requiredField(fields, 'sdk_noncestr'),
    package: requiredField(fields, 'sdk_package'),
    signType: requiredField(fields, 'sdk_signtype'),
    paySign: requiredField(fields, 'sdk_paysign'),
  };
  return { type: 'invoke', wallet, api: scene === 'mini' ? 'wx.requestPayment' : 'WeixinJSBridge.getBrandWCPayRequest', params };
}

/**
 * Charges a payment code. One number is one scan, so the request is never repeated, and there is no notification. The
 * answer does not say all that has to be compared, so a success is asked about too.
 */
export const chargeCode: Operation<Config, PayInput, PayFact> = {
  retry: 'never',
  request(input, account, env) {
    if (input.currency !== 'CNY') return refusedHere('currency_not_supported', 'HELIU_CURRENCY', 'Fuiou takes CNY only');
    if (input.auth_code === undefined) return refusedHere('payment_code_invalid', 'HELIU_AUTH_CODE_MISSING', 'auth_code is required for payment codes');
    const code = { order_type: orderType(input.method), auth_code: input.auth_code, sence: '1', reserved_sub_appid: '', reserved_limit_pay: '' };
    return signedRequest(account, env, '/micropay', { ...common(input, account.config, env), ...code });
  },
  verify: verifyAnswer,
  outcome(answer, _, { config }) {
    const { failure } = failureOf(answer, config, 'pay');
    return failure ? payFailure(failure) : { is: 'waiting', action: { type: 'wait' } };
  },
};

const named = (input: OrderInput, { config }: Account<Config>): Fields => ({
  order_type: orderType(input.method),
  mchnt_order_no: numberAt(config, input.channel_order_no),
});

export const queryOrder: Operation<Config, OrderInput, PaymentFact> = {
  retry: 'same_key',
  request: (input, account, env) => signedRequest(account, env, '/commonQuery', named(input, account)),
  verify: verifyAnswer,
  outcome(answer, input, account, env) {
    const { fields, failure } = failureOf(answer, account.config, 'other');
    return failure ? queryFailure(failure) : readState(fields, input, account, env);
  },
};

function readState(fields: Fields, { channel_order_no, method }: OrderInput, account: Account<Config>, env: Env): Settled<PaymentFact> {
  if (ourNumber(account, requiredField(fields, 'mchnt_order_no')) !== channel_order_no) return ask('unreadable', 'the answer is about another order');
  const state = requiredField(fields, 'trans_stat');
  switch (state) {
    case 'SUCCESS':
    case 'REFUND':
      return paid(fields, fields.reserved_txn_fin_ts, env);
    case 'NOTPAY':
    case 'USERPAYING':
      return { is: 'waiting' };
    // The page on queries explains FAIL as TRADE_CLOSED.
    case 'FAIL':
    case 'CLOSED':
    case 'REVOKED':
      return { is: 'closed' };
    case 'PAYERROR':
      // The wallet says so of payment codes; an order that is shown could still be paid.
      return methods[method].scene === 'barcode' ? refused('other', state, fields.result_msg) : ask('unlisted', state);
    default:
      return ask('unlisted', state);
  }
}

/** Where the time of payment is not said, it is when we learn of it. */
export function paid(fields: Fields, at: string | undefined, env: Env): PaymentFact & { is: 'paid' } {
  const payer_id = fields.buyer_id ?? fields.user_id ?? '';
  return {
    is: 'paid',
    success: {
      channel_transaction_id: requiredField(fields, 'transaction_id'),
      amount_fen: fenField(fields, 'order_amt'),
      currency: fields.curr_type || 'CNY',
      paid_at: parseShanghaiCompact(at ?? '') ?? env.now,
      ...(payer_id === '' ? {} : { payer_id }),
      identity: { ins_cd: requiredField(fields, 'ins_cd'), mchnt_cd: requiredField(fields, 'mchnt_cd') },
    },
  };
}

export const closeOrder: Operation<Config, OrderInput, UndoFact> = {
  retry: 'same_key',
  request: (input, account, env) => signedRequest(account, env, '/closeorder', { ...named(input, account), sub_appid: '' }),
  verify: verifyAnswer,
  outcome(answer, _, { config }) {
    const { failure } = failureOf(answer, config, 'other');
    return failure ? undoFailure(failure) : { is: 'closed', money: 'none' };
  },
};

/**
 * Undoes a charge of today, money back included. `recall` Y asks for the same call again. Its number follows from the order's. With which
 * code it refuses one of yesterday is not published, so that is said here: what was paid is refunded then.
 */
export const reverseOrder: Operation<Config, OrderInput, UndoFact> = {
  retry: 'same_key',
  request: (input, account, env) => {
    if (!isOfToday(input, env)) return refusedHere('refund_window_closed', 'HELIU_NOT_OF_TODAY', 'only an order of today is undone');
    const own = named(input, account);
    return signedRequest(account, env, '/cancelorder', { ...own, cancel_order_no: `R${(own.mchnt_order_no ?? '').slice(1)}`, operator_id: '' });
  },
  verify: verifyAnswer,
  outcome(answer, _, { config }) {
    if (fieldsOf(answer).recall === 'Y') return { is: 'again' };
    const { failure } = failureOf(answer, config, 'other');
    return failure ? undoFailure(failure) : { is: 'closed', money: 'not_said' };
  },
};
