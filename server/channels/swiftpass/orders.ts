import { type Method, methods, type NextAction } from '@heliu/contract';
import { fenToNumber } from '../../kernel/money.ts';
import type { PaymentFact } from '../../kernel/outcome.ts';
import { formatShanghaiCompact, parseShanghaiCompact } from '../../kernel/time.ts';
import type { Account, Operation, OrderInput, PayFact, PayInput, Settled, UndoFact } from '../define.ts';
import type { Fields } from '../flat-xml.ts';
import { ask, fenField, payFailure, queryFailure, refused, refusedHere, requiredField, textInBytes, undoFailure } from '../meaning.ts';
import type { Config } from './config.ts';
import { answered, fieldsOf, signedRequest, verifyMessage } from './wire.ts';

/** Orders: made beforehand, charged by payment code, asked about, closed and reversed. */

/** The services that make an order, by method. Names that no source confirms are not here. */
const services: Partial<Record<Method, string>> = {
  wechat_qr: 'pay.weixin.native',
  wechat_jsapi: 'pay.weixin.jspay',
  wechat_mini: 'pay.weixin.jspay',
  alipay_qr: 'pay.alipay.native',
  alipay_jsapi: 'pay.alipay.jspay',
  unionpay_qr: 'pay.unionpay.native',
};

function orderFields(input: PayInput, config: Config): Fields {
  return {
    out_trade_no: input.channel_order_no,
    body: textInBytes(input.subject, 127),
    total_fee: String(fenToNumber(input.amount_fen)),
    mch_create_ip: input.payer_ip ?? '127.0.0.1',
    ...terminalOf(config, input.terminal_id),
  };
}

/** What the regulator wants to know of the place where it was paid; sent where the account says what was registered. */
function terminalOf({ terminal_id, terminal_type, terminal_location }: Config, device_id: string | undefined): Fields {
  const device = device_id === undefined ? {} : { device_info: device_id.slice(0, 32) };
  if (terminal_id === undefined || terminal_type === undefined) return device;
  const info = { device_type: terminal_type, terminal_id, ...(terminal_location === undefined ? {} : { location: terminal_location }) };
  return { ...device, terminal_info: JSON.stringify(info) };
}

/**
 * Makes an order that the payer pays later. It is not repeated: that a repeat with the same number gives the same order
 * is said nowhere.
 */
export function prepay(method: Method): Operation<Config, PayInput, PayFact> {
  const service = services[method];
  if (service === undefined) throw new Error(`no service makes orders of ${method}`);
  return {
    retry: 'never',
    request(input, account, env) {
      const { config } = account;
      if (input.currency !== 'CNY') return refusedHere('currency_not_supported', 'HELIU_CURRENCY', 'the gateway takes CNY only');
      const payer = payerOf(method, input, config);
      if (typeof payer === 'string') return refusedHere('configuration_error', payer, 'the wallet has to be told who pays, and in which application');
      const times = { time_start: formatShanghaiCompact(input.created_at), time_expire: formatShanghaiCompact(input.expires_at) };
      return signedRequest(account, env, service, { ...orderFields(input, config), notify_url: input.notify_url, ...times, ...payer });
    },
    verify: verifyMessage,
    outcome(answer, _, account) {
      const { fields, failure } = answered(answer, 'prepay');
      return failure ? payFailure(failure) : { is: 'waiting', action: actionOf(method, fields, account) };
    },
  };
}

function payerOf(method: Method, { payer_id, app_id, return_url }: PayInput, config: Config): Fields | string {
  const { scene, wallet } = methods[method];
  if (scene !== 'jsapi' && scene !== 'mini') return {};
  if (payer_id === undefined) return 'HELIU_PAYER_ID_MISSING';
  const back: Fields = return_url === undefined ? {} : { callback_url: return_url };
  if (wallet === 'alipay') return { buyer_id: payer_id, ...back };
  const sub_appid = app_id ?? config.sub_appid;
  if (sub_appid === undefined) return 'HELIU_APP_ID_MISSING';
  return { is_raw: '1', ...(scene === 'mini' ? { is_minipg: '1' } : {}), sub_appid, sub_openid: payer_id, ...back };
}

function actionOf(method: Method, fields: Fields, { config }: Account<Config>): NextAction {
  const { scene, wallet } = methods[method];
  if (scene === 'qr') return { type: 'show_qr', qr_content: requiredField(fields, 'code_url') };
  const params = readPayInfo(requiredField(fields, 'pay_info'));
  if (wallet === 'alipay') return { type: 'invoke', wallet, api: 'AlipayJSBridge.tradePay', params: tradeOf(params) };
  if (params.appId === undefined && config.sub_appid === undefined) throw new Error('pay_info names no application');
  return { type: 'invoke', wallet, api: scene === 'mini' ? 'wx.requestPayment' : 'WeixinJSBridge.getBrandWCPayRequest', params };
}

/** The text that a page hands to the wallet: an object of texts and numbers. */
function readPayInfo(text: string): Record<string, string> {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('pay_info is not an object');
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      if (typeof member !== 'string' && typeof member !== 'number') throw new Error(`pay_info.${name} is not a text`);
      return [name, String(member)];
    }),
  );
}

function tradeOf({ tradeNO }: Readonly<Record<string, string>>): Record<string, string> {
  if (tradeNO === undefined) throw new Error('pay_info names no trade');
  return { tradeNO };
}

/**
 * Charges a payment code; the gateway finds the wallet. One number is one scan, so the request is never repeated. What is
 * not a success is final only where `need_query` says N.
 */
export const chargeCode: Operation<Config, PayInput, PayFact> = {
  retry: 'never',
  request(input, account, env) {
    if (input.currency !== 'CNY') return refusedHere('currency_not_supported', 'HELIU_CURRENCY', 'the gateway takes CNY only');
    if (input.auth_code === undefined) return refusedHere('payment_code_invalid', 'HELIU_AUTH_CODE_MISSING', 'auth_code is required for payment codes');
    return signedRequest(account, env, 'unified.trade.micropay', { ...orderFields(input, account.config), auth_code: input.auth_code });
  },
  verify: verifyMessage,
  outcome(answer, input) {
    const { fields, failure } = answered(answer, 'micropay');
    if (!failure) return fields.pay_result === '0' ? paid(fields, input) : ask('unlisted', `pay_result ${fields.pay_result}`);
    if (fields.need_query !== 'N' || fields.status !== '0') return failure.meaning.final === 'no' ? ask('unlisted', failure.code) : payFailure(failure);
    // Why it was not charged may be unknown; that it was not is the gateway's word.
    return failure.meaning.final === 'no' ? payFailure(failure) : refused('other', failure.code || 'need_query=N', failure.message);
  },
};

export const queryOrder: Operation<Config, OrderInput, PaymentFact> = {
  retry: 'same_key',
  request: (input, account, env) => signedRequest(account, env, 'unified.trade.query', { out_trade_no: input.channel_order_no }),
  verify: verifyMessage,
  outcome(answer, input) {
    const { fields, failure } = answered(answer, 'query');
    return failure ? queryFailure(failure) : readState(fields, input);
  },
};

function readState(fields: Fields, input: OrderInput): Settled<PaymentFact> {
  // Only a success is promised to name its order; what names another one says nothing of ours.
  if ((fields.out_trade_no ?? input.channel_order_no) !== input.channel_order_no) return ask('unreadable', 'the answer is about another order');
  const state = requiredField(fields, 'trade_state');
  switch (state) {
    case 'SUCCESS':
    case 'REFUND':
      return paid(fields, input);
    case 'NOTPAY':
    case 'USERPAYING':
      return { is: 'waiting' };
    case 'CLOSED':
    case 'REVERSE':
    case 'REVOKED':
      return { is: 'closed' };
    case 'PAYERROR':
      // The wallet says so of payment codes; an order that is shown could still be paid.
      return methods[input.method].scene === 'barcode' ? refused('other', state) : ask('unlisted', state);
    default:
      return ask('unlisted', state);
  }
}

/** A payment as answers, queries and notifications show it. */
export function paid(fields: Fields, { channel_order_no }: { readonly channel_order_no: string }): Settled<PaymentFact & { is: 'paid' }> {
  if (requiredField(fields, 'out_trade_no') !== channel_order_no) return ask('unreadable', 'the answer is about another order');
  const paid_at = parseShanghaiCompact(requiredField(fields, 'time_end'));
  if (!paid_at) throw new Error('time_end is not a time');
  const payer_id = fields.sub_openid ?? fields.openid ?? fields.buyer_user_id;
  return {
    is: 'paid',
    success: {
      channel_transaction_id: requiredField(fields, 'transaction_id'),
      amount_fen: fenField(fields, 'total_fee'),
      currency: fields.fee_type ?? 'CNY',
      ...(fields.cash_fee === undefined || fields.cash_fee === '' ? {} : { payer_amount_fen: fenField(fields, 'cash_fee') }),
      paid_at,
      ...(payer_id === undefined || payer_id === '' ? {} : { payer_id }),
      identity: { mch_id: requiredField(fields, 'mch_id') },
    },
  };
}

/** Closes an order that nobody has paid. WeChat wants five minutes between order and close. */
export const closeOrder: Operation<Config, OrderInput, UndoFact> = {
  retry: 'same_key',
  request: (input, account, env) => signedRequest(account, env, 'unified.trade.close', { out_trade_no: input.channel_order_no }),
  verify: verifyMessage,
  outcome(answer) {
    const { failure } = answered(answer, 'close');
    return failure ? undoFailure(failure) : { is: 'closed', money: 'none' };
  },
};

/** Reverses a payment-code order, money back included. `retry_flag` Y asks for the same call again, whatever the result says. */
export const reverseOrder: Operation<Config, OrderInput, UndoFact> = {
  retry: 'same_key',
  request: (input, account, env) => signedRequest(account, env, 'unified.micropay.reverse', { out_trade_no: input.channel_order_no }),
  verify: verifyMessage,
  outcome(answer) {
    if (fieldsOf(answer).retry_flag === 'Y') return { is: 'again' };
    const { failure } = answered(answer, 'reverse');
    return failure ? undoFailure(failure) : { is: 'closed', money: 'not_said' };
  },
};
