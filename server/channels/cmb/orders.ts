import type { NextAction } from '@heliu/contract';
import { type Fen, toFen } from '../../kernel/money.ts';
import type { PaymentFact } from '../../kernel/outcome.ts';
import { parseShanghaiCompact } from '../../kernel/time.ts';
import type { Operation, OrderInput, PayFact, PayInput, Settled, UndoFact } from '../define.ts';
import { ask, payFailure, queryFailure, refused, refusedHere, textInBytes, undoFailure } from '../meaning.ts';
import type { Config } from './config.ts';
import { type Biz, read, request, required, textOf, verifyAnswer } from './wire.ts';

/** Orders of 聚合支付 polypay v1.0. @see https://openhome.cmbchina.com */

type PayOperation = Operation<Config, PayInput, PayFact>;

const order = (input: PayInput, userId: string) => ({
  orderId: input.channel_order_no,
  userId,
  notifyUrl: input.notify_url,
  txnAmt: String(input.amount_fen),
  currencyCode: '156',
  // The limit of this text is not confirmed.
  body: textInBytes(input.subject, 128),
  termId: input.terminal_id,
});

/** Seconds until an order ends; the bank's own is 900. */
const validSeconds = ({ expires_at }: PayInput, now: Date): string => String(Math.max(60, Math.floor((expires_at.getTime() - now.getTime()) / 1000)));

/** Sent once: that a repeat gives the same order is said nowhere. */
function prepay(
  path: string,
  own: (input: PayInput, config: Config, now: Date) => Readonly<Record<string, string | undefined>>,
  action: (biz: Biz) => NextAction,
): PayOperation {
  return {
    retry: 'never',
    request: (input, account, env) => {
      if (input.currency !== 'CNY') return refusedHere('currency_not_supported', 'HELIU_CURRENCY', 'CMB takes CNY only');
      return request(path, { ...order(input, account.config.user_id), ...own(input, account.config, env.now) }, account, env);
    },
    verify: verifyAnswer,
    outcome: (answer, input, account) => {
      const said = read(answer, account);
      if (said.failure) return payFailure(said.failure);
      assertSameOrder(said.biz, input.channel_order_no);
      return { is: 'waiting', action: action(said.biz) };
    },
  };
}

function assertSameOrder(biz: Biz, channel_order_no: string): void {
  if (required(biz, 'orderId') !== channel_order_no) throw new Error('the answer is about another order');
}

/** 收款码: whichever wallet scans it. */
const qr = prepay(
  'qrcodeapply',
  (input, _config, now) => ({ payValidTime: validSeconds(input, now) }),
  (biz) => ({ type: 'show_qr', qr_content: required(biz, 'qrCode') }),
);

const wechatJsapi = prepay(
  'onlinepay',
  (input, { wechat_appid }, now) => ({
    tradeType: 'JSAPI',
    subAppId: input.app_id ?? wechat_appid,
    subOpenId: input.payer_id,
    spbillCreateIp: input.payer_ip ?? '127.0.0.1',
    payValidTime: validSeconds(input, now),
  }),
  (biz) => ({ type: 'invoke', wallet: 'wechat', api: 'WeixinJSBridge.getBrandWCPayRequest', params: payData(biz) }),
);

/** The parameters of the page, as a text or as an object of texts. */
function payData({ payData: given }: Biz): Record<string, string> {
  const value: unknown = typeof given === 'string' ? JSON.parse(given) : given;
  if (typeof value !== 'object' || value === null || !Object.values(value).every((each) => typeof each === 'string')) throw new Error('payData holds no texts');
  return value as Record<string, string>;
}

/** 云闪付: the number that UnionPay's SDK starts with. */
const unionpayApp = prepay(
  'cloudpay',
  (input, _config, now) => ({ tradeScene: 'ONLINE', frontUrl: input.return_url, payTimeout: validSeconds(input, now) }),
  (biz) => ({ type: 'invoke', wallet: 'unionpay', api: 'UPPayPlugin.startPay', params: { tn: required(biz, 'tn'), mode: '00' } }),
);

/** 付款码: taken is not paid, so the outcome is always asked for. */
const barcode: PayOperation = {
  retry: 'never',
  request: (input, account, env) => {
    if (input.currency !== 'CNY') return refusedHere('currency_not_supported', 'HELIU_CURRENCY', 'CMB takes CNY only');
    if (input.auth_code === undefined) return refusedHere('payment_code_invalid', 'HELIU_AUTH_CODE_MISSING', 'auth_code is required for payment codes');
    return request('pay', { ...order(input, account.config.user_id), authCode: input.auth_code }, account, env);
  },
  verify: verifyAnswer,
  outcome: (answer, input, account) => {
    const said = read(answer, account);
    if (said.failure) return payFailure(said.failure);
    assertSameOrder(said.biz, input.channel_order_no);
    return { is: 'waiting', action: { type: 'wait' } };
  },
};

export const pay = {
  aggregate_qr: qr,
  wechat_jsapi: wechatJsapi,
  unionpay_app: unionpayApp,
  wechat_barcode: barcode,
  alipay_barcode: barcode,
  unionpay_barcode: barcode,
} as const;

const asked = ({ channel_order_no }: OrderInput, { user_id }: Config) => ({ orderId: channel_order_no, userId: user_id });

export const query: Operation<Config, OrderInput, PaymentFact> = {
  retry: 'same_key',
  request: (input, account, env) => request('orderquery', asked(input, account.config), account, env),
  verify: verifyAnswer,
  outcome: (answer, input, account) => {
    const said = read(answer, account);
    if (said.failure) return queryFailure(said.failure);
    assertSameOrder(said.biz, input.channel_order_no);
    return stateOf(said.biz);
  },
};

/** C closed, D undone, P in progress, F failed, S paid, R turned to refund. */
export function stateOf(biz: Biz): Settled<PaymentFact> {
  const state = required(biz, 'tradeState');
  switch (state) {
    case 'S':
    case 'R':
      return paid(biz);
    case 'P':
      return { is: 'waiting' };
    case 'C':
    case 'D':
      return { is: 'closed' };
    case 'F':
      return refused('other', 'F', textOf(biz, 'respMsg'));
    default:
      return ask('unlisted', `tradeState ${state.slice(0, 8)}`);
  }
}

export function fenOf(biz: Biz, name: string): Fen {
  const text = required(biz, name);
  if (!/^\d{1,12}$/.test(text)) throw new Error(`${name} is no amount`);
  return toFen(Number(text));
}

function paid(biz: Biz): Settled<PaymentFact> {
  const paid_at = parseShanghaiCompact(`${required(biz, 'endDate')}${required(biz, 'endTime')}`);
  if (!paid_at) throw new Error('endDate and endTime are no time');
  const amount_fen = fenOf(biz, 'txnAmt');
  const discount = textOf(biz, 'dscAmt') === undefined ? undefined : fenOf(biz, 'dscAmt');
  const payer_id = textOf(biz, 'openId');
  return {
    is: 'paid',
    success: {
      channel_transaction_id: required(biz, 'cmbOrderId'),
      amount_fen,
      currency: (textOf(biz, 'currencyCode') ?? '156') === '156' ? 'CNY' : (textOf(biz, 'currencyCode') as string),
      ...(discount === undefined ? {} : { payer_amount_fen: toFen(amount_fen - discount) }),
      paid_at,
      ...(payer_id === undefined ? {} : { payer_id }),
      identity: { mer_id: required(biz, 'merId') },
    },
  };
}

function undo(path: string, money: 'none' | 'not_said'): Operation<Config, OrderInput, UndoFact> {
  return {
    retry: 'same_key',
    request: (input, account, env) => request(path, { origOrderId: input.channel_order_no, ...asked(input, account.config) }, account, env),
    verify: verifyAnswer,
    outcome: (answer, _input, account) => {
      const said = read(answer, account);
      return said.failure ? undoFailure(said.failure) : { is: 'closed', money };
    },
  };
}

export const closeOrder = undo('close', 'none');
export const cancelOrder = undo('cancel', 'not_said');
