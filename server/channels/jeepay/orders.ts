import { type Method, methods, type NextAction } from '@heliu/contract';
import { fenToNumber, toFen } from '../../kernel/money.ts';
import type { PaymentFact } from '../../kernel/outcome.ts';
import type { Operation, OrderInput, PayFact, PayInput, Settled, UndoFact } from '../define.ts';
import { ask, payFailure, queryFailure, refused, refusedHere, textInBytes, undoFailure } from '../meaning.ts';
import { fullNo, shortNo } from '../short-no.ts';
import type { Config } from './config.ts';
import type { Values } from './sign.ts';
import { dataOf, integerIn, signedRequest, textIn, verifyAnswer } from './wire.ts';

/** Orders. @see https://docs.jeequan.com/docs/jeepay/payment_api */

type Way = { readonly code: string; readonly extra: (input: PayInput) => Values };
const asUrl = (): Values => ({ payDataType: 'payurl' });
const asCode = (): Values => ({ payDataType: 'codeUrl' });

const ways = {
  wechat_qr: { code: 'WX_NATIVE', extra: asCode },
  wechat_jsapi: { code: 'WX_JSAPI', extra: ({ payer_id }) => ({ openid: payer_id }) },
  wechat_mini: { code: 'WX_LITE', extra: ({ payer_id }) => ({ openid: payer_id }) },
  wechat_h5: { code: 'WX_H5', extra: asUrl },
  alipay_qr: { code: 'ALI_QR', extra: asCode },
  alipay_jsapi: { code: 'ALI_JSAPI', extra: ({ payer_id }) => ({ buyerUserId: payer_id }) },
  alipay_wap: { code: 'ALI_WAP', extra: asUrl },
  alipay_page: { code: 'ALI_PC', extra: asUrl },
  aggregate_qr: { code: 'QR_CASHIER', extra: asCode },
} as const satisfies Partial<Record<Method, Way>>;
export type Taken = keyof typeof ways;

/** Addresses that the installation stores in a column of this length. */
const url_length_max = 128;

/** A number can be used once: a repeat is refused, so nothing is repeated. */
export function prepay(method: Taken): Operation<Config, PayInput, PayFact> {
  const { code, extra }: Way = ways[method];
  return {
    retry: 'never',
    request(input, account, env) {
      const { scene } = methods[method];
      if (input.currency !== 'CNY') return refusedHere('currency_not_supported', 'HELIU_CURRENCY', 'the gateway takes CNY only');
      if (input.notify_url.length > url_length_max)
        return refusedHere('configuration_error', 'HELIU_NOTIFY_URL', 'the notification address is longer than 128 characters');
      if ((scene === 'jsapi' || scene === 'mini') && input.payer_id === undefined) {
        return refusedHere('configuration_error', 'HELIU_PAYER_ID_MISSING', 'payer_id is required for this method');
      }
      const subject = textInBytes(input.subject, 64);
      return signedRequest(account, env, '/api/pay/unifiedOrder', {
        mchOrderNo: shortNo(input.channel_order_no),
        wayCode: code,
        amount: fenToNumber(input.amount_fen),
        currency: 'cny',
        subject,
        body: subject,
        clientIp: input.payer_ip ?? '127.0.0.1',
        notifyUrl: input.notify_url,
        ...(input.return_url === undefined || input.return_url.length > url_length_max ? {} : { returnUrl: input.return_url }),
        expiredTime: Math.max(1, Math.floor((input.expires_at.getTime() - env.now.getTime()) / 1000)),
        channelExtra: JSON.stringify(extra(input)),
      });
    },
    verify: verifyAnswer,
    outcome(answer, input, account) {
      const { data, failure } = dataOf(answer, true, account);
      if (failure) return payFailure(failure);
      if (fullNo(account, textIn(data, 'mchOrderNo')) !== input.channel_order_no) return ask('unreadable', 'the answer is about another order');
      const state = integerIn(data, 'orderState');
      if (state === 3) return refused('other', String(data.errCode ?? state), String(data.errMsg ?? ''));
      return state === 0 || state === 1 ? { is: 'waiting', action: actionOf(method, data) } : ask('unlisted', `orderState ${state}`);
    },
  };
}

function actionOf(method: Taken, data: Values): NextAction {
  const { wallet, scene } = methods[method];
  const kind = textIn(data, 'payDataType');
  const content = textIn(data, 'payData');
  if (kind === 'codeUrl') return { type: 'show_qr', qr_content: content };
  if (kind === 'payurl') return { type: 'redirect', url: content };
  if (kind === 'aliapp') {
    const params = readParams(content);
    return { type: 'invoke', wallet, api: 'AlipayJSBridge.tradePay', params: { tradeNO: params.alipayTradeNo ?? params.tradeNO ?? missing('tradeNO') } };
  }
  if (kind !== 'wxapp') throw new Error(`payDataType is ${kind}`);
  return { type: 'invoke', wallet, api: scene === 'mini' ? 'wx.requestPayment' : 'WeixinJSBridge.getBrandWCPayRequest', params: readParams(content) };
}

function missing(name: string): never {
  throw new Error(`${name} is missing`);
}

function readParams(text: string): Record<string, string> {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('payData is not an object');
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, String(member)]));
}

export const queryOrder: Operation<Config, OrderInput, PaymentFact> = {
  retry: 'same_key',
  request: (input, account, env) => signedRequest(account, env, '/api/pay/query', { mchOrderNo: shortNo(input.channel_order_no) }),
  verify: verifyAnswer,
  outcome(answer, input, account) {
    const { data, failure } = dataOf(answer, false, account);
    if (failure) return queryFailure(failure);
    if (fullNo(account, textIn(data, 'mchOrderNo')) !== input.channel_order_no) return ask('unreadable', 'the answer is about another order');
    return readState(data);
  },
};

/**
 * 0 made, 1 paying, 2 paid, 3 failed, 4 cancelled, 5 refunded, 6 closed. A payment that has failed can come to nothing else: only one
 * in state 1 is ever made a success.
 * @see https://github.com/jeequan/jeepay (PayOrderService.updateIng2Success)
 */
export function readState(data: Values): Settled<PaymentFact> {
  switch (integerIn(data, 'state')) {
    case 0:
    case 1:
      return { is: 'waiting' };
    case 2:
    case 5:
      return paid(data);
    case 3:
      return refused('other', String(data.errCode ?? '3'), String(data.errMsg ?? ''));
    case 4:
    case 6:
      return { is: 'closed' };
    default:
      return ask('unlisted', `state ${data.state}`);
  }
}

function paid(data: Values): PaymentFact & { is: 'paid' } {
  return {
    is: 'paid',
    success: {
      channel_transaction_id: textIn(data, 'payOrderId'),
      amount_fen: toFen(integerIn(data, 'amount')),
      currency: textIn(data, 'currency').toUpperCase(),
      paid_at: new Date(integerIn(data, 'successTime')),
      identity: { mch_no: textIn(data, 'mchNo'), app_id: textIn(data, 'appId') },
    },
  };
}

/** A success whose data is empty carries no signature and is not believed; the next query shows what it did. */
export const closeOrder: Operation<Config, OrderInput, UndoFact> = {
  retry: 'same_key',
  request: (input, account, env) => signedRequest(account, env, '/api/pay/close', { mchOrderNo: shortNo(input.channel_order_no) }),
  verify: verifyAnswer,
  outcome(answer, _, account) {
    const { failure } = dataOf(answer, false, account);
    if (!failure) return { is: 'closed', money: 'none' };
    return failure.code === '9999' && failure.meaning.final === 'ask' ? { is: 'not_closable' } : undoFailure(failure);
  },
};
