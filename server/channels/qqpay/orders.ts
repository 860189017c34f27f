import type { NextAction } from '@heliu/contract';
import { fenToNumber } from '../../kernel/money.ts';
import type { PaymentFact } from '../../kernel/outcome.ts';
import { formatShanghaiCompact, parseShanghaiCompact } from '../../kernel/time.ts';
import type { Env, Operation, OrderInput, PayFact, PayInput, Settled, UndoFact } from '../define.ts';
import type { Fields } from '../flat-xml.ts';
import { ask, fenField, payFailure, queryFailure, refusedHere, requiredField, textInBytes, undoFailure } from '../meaning.ts';
import { type Config, isReadyForApps } from './config.ts';
import { signAppOrder } from './sign.ts';
import { failureOf, fieldsOf, signedRequest, verifyMessage } from './wire.ts';

/** Orders made beforehand and charges by payment code. @see https://mp.qpay.tenpay.cn/buss/wiki/38/1203 */

const orderFields = (input: PayInput): Fields => ({
  out_trade_no: input.channel_order_no,
  body: textInBytes(input.subject, 128),
  fee_type: 'CNY',
  total_fee: String(fenToNumber(input.amount_fen)),
  spbill_create_ip: input.payer_ip ?? '127.0.0.1',
});

const trade_types = { qq_qr: 'NATIVE', qq_jsapi: 'JSAPI', qq_mini: 'MINIAPP', qq_app: 'APP' } as const;
export type Prepaid = keyof typeof trade_types;

/** Makes an order. It is not repeated: that a repeat gives the same order is said nowhere. */
export function prepay(method: Prepaid): Operation<Config, PayInput, PayFact> {
  return {
    retry: 'never',
    request(input, account, env) {
      if (input.currency !== 'CNY') return refusedHere('currency_not_supported', 'HELIU_CURRENCY', 'QQ Wallet takes CNY only');
      if (method === 'qq_app' && !isReadyForApps(account.config)) {
        return refusedHere('method_not_enabled', 'HELIU_APP_KEY_MISSING', 'the account has no key of an application');
      }
      const times = { time_start: formatShanghaiCompact(input.created_at), time_expire: formatShanghaiCompact(input.expires_at) };
      const fields = { ...orderFields(input), ...times, trade_type: trade_types[method], notify_url: input.notify_url };
      return signedRequest(account, env, { path: 'qpay_unified_order.cgi', fields });
    },
    verify: verifyMessage,
    outcome(answer, _, { config }, env) {
      const { fields, failure } = failureOf('pay', answer);
      return failure ? payFailure(failure) : { is: 'waiting', action: actionOf(method, fields, config, env) };
    },
  };
}

function actionOf(method: Prepaid, fields: Fields, config: Config, env: Env): NextAction {
  if (method === 'qq_qr') return { type: 'show_qr', qr_content: requiredField(fields, 'code_url') };
  const prepay_id = requiredField(fields, 'prepay_id');
  if (method === 'qq_jsapi') return { type: 'invoke', wallet: 'qq', api: 'mqq.tenpay.pay', params: pageParams(prepay_id, config) };
  if (method === 'qq_app') return { type: 'invoke', wallet: 'qq', api: 'PayApi', params: appParams(prepay_id, config, env) };
  const params = { package: `prepay_id=${prepay_id}`, bargainor_id: config.mch_id };
  return { type: 'invoke', wallet: 'qq', api: 'qq.requestPayment', params };
}

/** A page inside QQ hands over the order alone, unsigned; whose it is goes with it for QQ's statistics. @see https://mp.qpay.tenpay.cn/buss/wiki/38/1200 */
function pageParams(tokenId: string, { mch_id, appid }: Config): Record<string, string> {
  return { tokenId, ...(appid === undefined ? {} : { appInfo: `appid#${appid}|bargainor_id#${mch_id}|channel#wallet` }) };
}

/** An app fills in its callback scheme and a serial number of its own. @see https://mp.qpay.tenpay.cn/buss/wiki/38/1196 */
function appParams(tokenId: string, { mch_id, appid, sub_appid, app_key }: Config, { nonce, now }: Env): Record<string, string> {
  const order = { appId: sub_appid ?? appid ?? '', bargainorId: mch_id, nonce, pubAcc: '', tokenId };
  const timeStamp = String(Math.floor(now.getTime() / 1000));
  return { ...order, timeStamp, sigType: 'HMAC-SHA1', sig: signAppOrder(order, app_key?.expose() ?? '') };
}

/** Charges a payment code. One number is one scan, so the request is never repeated. @see https://mp.qpay.tenpay.cn/buss/wiki/1/1122 */
export const chargeCode: Operation<Config, PayInput, PayFact> = {
  retry: 'never',
  request(input, account, env) {
    if (input.currency !== 'CNY') return refusedHere('currency_not_supported', 'HELIU_CURRENCY', 'QQ Wallet takes CNY only');
    if (input.auth_code === undefined) return refusedHere('payment_code_invalid', 'HELIU_AUTH_CODE_MISSING', 'auth_code is required for payment codes');
    // Which device scanned is a required field of this call.
    const fields = { ...orderFields(input), trade_type: 'MICROPAY', device_info: (input.terminal_id ?? 'heliu').slice(0, 32), auth_code: input.auth_code };
    return signedRequest(account, env, { path: 'qpay_micro_pay.cgi', fields });
  },
  verify: verifyMessage,
  outcome(answer, input) {
    const { fields, failure } = failureOf('pay', answer);
    return failure ? payFailure(failure) : readState(fields, input, (is_waiting) => ({ ...is_waiting, action: { type: 'wait' } }));
  },
};

/** @see https://mp.qpay.tenpay.com/buss/wiki/1/1124 */
export const queryOrder: Operation<Config, OrderInput, PaymentFact> = {
  retry: 'same_key',
  request: (input, account, env) => signedRequest(account, env, { path: 'qpay_order_query.cgi', fields: { out_trade_no: input.channel_order_no } }),
  verify: verifyMessage,
  outcome(answer, input) {
    const { fields, failure } = failureOf('query', answer);
    return failure ? queryFailure(failure) : readState(fields, input, (is_waiting) => is_waiting);
  },
};

/** SUCCESS and USERPAYING stand in QQ's pages; the others are those of the family. PAYERROR is not believed to be the end. */
function readState<Waiting>(
  fields: Fields,
  input: { readonly channel_order_no: string },
  waiting: (fact: { readonly is: 'waiting' }) => Waiting,
): Settled<PaymentFact & { is: 'paid' | 'closed' }> | Waiting {
  // Only a success is promised to name its order; what names another one says nothing of ours.
  if ((fields.out_trade_no ?? input.channel_order_no) !== input.channel_order_no) return ask('unreadable', 'the answer is about another order');
  const state = requiredField(fields, 'trade_state');
  switch (state) {
    case 'SUCCESS':
    case 'REFUND':
      return paid(fields, input);
    case 'NOTPAY':
    case 'USERPAYING':
      return waiting({ is: 'waiting' });
    case 'CLOSED':
    case 'REVOKED':
      return { is: 'closed' };
    default:
      return ask('unlisted', state);
  }
}

export function paid(fields: Fields, { channel_order_no }: { readonly channel_order_no: string }): Settled<PaymentFact & { is: 'paid' }> {
  if (requiredField(fields, 'out_trade_no') !== channel_order_no) return ask('unreadable', 'the answer is about another order');
  const paid_at = parseShanghaiCompact(requiredField(fields, 'time_end'));
  if (!paid_at) throw new Error('time_end is not a time');
  const { openid, cash_fee, sub_mch_id } = fields;
  return {
    is: 'paid',
    success: {
      channel_transaction_id: requiredField(fields, 'transaction_id'),
      amount_fen: fenField(fields, 'total_fee'),
      currency: fields.fee_type ?? 'CNY',
      ...(cash_fee === undefined || cash_fee === '' ? {} : { payer_amount_fen: fenField(fields, 'cash_fee') }),
      paid_at,
      ...(openid === undefined || openid === '' ? {} : { payer_id: openid }),
      identity: { mch_id: requiredField(fields, 'mch_id'), ...(sub_mch_id === undefined ? {} : { sub_mch_id }) },
    },
  };
}

export const closeOrder: Operation<Config, OrderInput, UndoFact> = {
  retry: 'same_key',
  request: (input, account, env) => signedRequest(account, env, { path: 'qpay_close_order.cgi', fields: { out_trade_no: input.channel_order_no } }),
  verify: verifyMessage,
  outcome(answer) {
    const { failure } = failureOf('close', answer);
    return failure ? undoFailure(failure) : { is: 'closed', money: 'none' };
  },
};

/**
 * Reverses a charge by payment code, money back included. QQ asks to wait five minutes after the charge; what it answers
 * before is not said, so it is asked again until it has done it. `recall` Y asks for the same call again.
 */
export const reverseOrder: Operation<Config, OrderInput, UndoFact> = {
  retry: 'same_key',
  request: (input, account, env) => signedRequest(account, env, { path: 'qpay_reverse.cgi', fields: { out_trade_no: input.channel_order_no }, secure: true }),
  verify: verifyMessage,
  outcome(answer) {
    if (fieldsOf(answer).recall === 'Y') return { is: 'again' };
    const { failure } = failureOf('reverse', answer);
    return failure ? undoFailure(failure) : { is: 'closed', money: 'not_said' };
  },
};
