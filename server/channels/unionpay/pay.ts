import type { Method, NextAction } from '@heliu/contract';
import type { Account, Ask, Local, Operation, PayFact, PayInput, Settled, Step, WireAnswer, WireRequest } from '../define.ts';
import { type Config, endpointOf } from './config.ts';
import { duplicate_code, pay_codes, qr_open_codes } from './errors.ts';
import type { Fields } from './sign.ts';
import { asks, commonFields, isAccepted, post, readAnswer, refusalOf, refusedHere, required, signed, txnTime, verifyAnswer } from './wire.ts';

type PayOperation = Operation<Config, PayInput, PayFact>;

/** What the gateway gives a meaning in nested values, and its full-width form that means nothing. */
const full_width: Readonly<Record<string, string>> = {
  '&': '＆',
  '=': '＝',
  '{': '｛',
  '}': '｝',
  '[': '［',
  ']': '］',
  '"': '＂',
  "'": '＇',
  '<': '＜',
  '>': '＞',
};
/** Limits of these two fields are not confirmed; this is what the gateway's demos stay below. */
const order_desc_length_max = 32;

/** The subject as the gateway's pages show it. */
export function plainSubject(subject: string): string {
  const plain = subject.replace(/[&={}[\]"'<>]/g, (character) => full_width[character] as string);
  // Characters beyond the basic plane are left out: their encoding at the gateway is not confirmed.
  return [...plain.replace(/[\u{10000}-\u{10FFFF}]/gu, '')].slice(0, order_desc_length_max).join('').trim() || '-';
}

/** Kinds of transaction, product and channel of a method. `07` is a computer, `08` a phone. */
type Kind = { readonly txnSubType: string; readonly bizType: string; readonly channelType: string };
const kinds = {
  unionpay_page: { txnSubType: '01', bizType: '000201', channelType: '07' },
  unionpay_bank: { txnSubType: '01', bizType: '000201', channelType: '07' },
  unionpay_b2b: { txnSubType: '01', bizType: '000202', channelType: '07' },
  unionpay_h5: { txnSubType: '01', bizType: '000201', channelType: '08' },
  unionpay_app: { txnSubType: '01', bizType: '000201', channelType: '08' },
  unionpay_jsapi: { txnSubType: '01', bizType: '000201', channelType: '08' },
  unionpay_qr: { txnSubType: '07', bizType: '000000', channelType: '08' },
  unionpay_barcode: { txnSubType: '06', bizType: '000000', channelType: '08' },
} as const satisfies Partial<Record<Method, Kind>>;
export type UnionpayMethod = keyof typeof kinds;

function consume(method: UnionpayMethod, input: PayInput, account: Account<Config>): Record<string, string> {
  return {
    ...commonFields(account),
    txnType: '01',
    ...kinds[method],
    orderId: input.channel_order_no,
    txnTime: txnTime(input.created_at),
    txnAmt: String(input.amount_fen),
    currencyCode: '156',
    backUrl: input.notify_url,
  };
}

/** What the pages of the gateway show, and how long they take payments. */
function shown(input: PayInput): Record<string, string> {
  const subject = plainSubject(input.subject);
  return {
    payTimeout: txnTime(input.expires_at),
    orderDesc: subject,
    riskRateInfo: `{commodityName=${subject}}`,
    // Only addresses of the old form are known to fit.
    ...(input.payer_ip !== undefined && /^[\d.]+$/.test(input.payer_ip) ? { customerIp: input.payer_ip } : {}),
  };
}

/** Fields that say what else than a payment is asked for. */
type Extra = Readonly<Record<string, string>>;

const refusedCurrency = { local: { is: 'refused', reason: 'currency_not_supported', channel_code: 'HELIU_CURRENCY', channel_message: 'CNY only' } } as const;

/**
 * A signed form that the payer's browser takes to the gateway: no call is made, and the gateway knows no order until the payer pays.
 * The browser comes back with a form too, which proves nothing.
 */
export function front(method: UnionpayMethod, extra: Readonly<Record<string, string>> = {}): PayOperation {
  return {
    retry: 'never',
    request: (input, account): Step<WireRequest | Local<Settled<PayFact>>> => {
      if (input.currency !== 'CNY') return refusedCurrency;
      if (input.return_url === undefined) return refusedHere('HELIU_RETURN_URL_MISSING', 'return_url is required for this method');
      const fields = { ...consume(method, input, account), ...shown(input), frontUrl: input.return_url, ...extra };
      return signed(fields, account, (complete): Local<Settled<PayFact>> => {
        const { href } = endpointOf(account.config, 'frontTransReq');
        return { local: { is: 'waiting', action: { type: 'submit_form', url: href, fields: Object.fromEntries(complete) } } };
      });
    },
    verify: () => 'invalid',
    outcome: () => {
      throw new Error('a form of the browser has no answer');
    },
  };
}

/**
 * A call that makes an order; `action` reads what the payer does next from its answer. Sent once: the gateway refuses a second one of the
 * same number and does not say again what it answered.
 */
function order(
  endpoint: 'appTransReq' | 'backTransReq',
  method: UnionpayMethod,
  fields: (input: PayInput, account: Account<Config>) => Record<string, string> | Local<Settled<PayFact>>,
  action: (fields: Fields, account: Account<Config>) => NextAction,
): PayOperation {
  return {
    retry: 'never',
    request: (input, account) => {
      if (input.currency !== 'CNY') return refusedCurrency;
      const own = fields(input, account);
      return 'local' in own ? (own as Local<Settled<PayFact>>) : post<PayFact>(endpoint, { ...consume(method, input, account), ...own }, account);
    },
    verify: verifyAnswer,
    outcome: (answer, input, account) => accepted(answer, input, method, (read) => action(read, account)),
  };
}

function accepted(answer: WireAnswer, input: PayInput, method: UnionpayMethod, action: (fields: Fields) => NextAction): Settled<PayFact> {
  const fields = readAnswer(answer, input.channel_order_no);
  if (isAccepted(fields)) return { is: 'waiting', action: action(fields) };
  const code = required(fields, 'respCode');
  if (code === duplicate_code && method === 'unionpay_barcode') return { is: 'waiting', action: { type: 'wait' } };
  return payRefusal(code, fields.get('respMsg'), method);
}

/** A listed no, unless the demo of the product goes on asking after it. */
export function payRefusal(code: string, message: string | undefined, method: Method): ReturnType<typeof refusalOf> | Ask {
  const is_qr = method === 'unionpay_qr' || method === 'unionpay_barcode';
  return is_qr && qr_open_codes.has(code) ? asks(code) : refusalOf(code, message, pay_codes);
}

/** The app starts UnionPay's SDK with the number of the transaction; its result is a hint only. */
export const app = (extra: Extra = {}): PayOperation =>
  order(
    'appTransReq',
    'unionpay_app',
    (input) => ({ ...shown(input), ...extra }),
    (fields, { config }) => ({
      type: 'invoke',
      wallet: 'unionpay',
      api: 'UPPayPlugin.startPay',
      params: { tn: required(fields, 'tn'), mode: config.test_environment === true ? '01' : '00' },
    }),
  );

/** Inside the UnionPay app a page starts the same number with upsdk.js. */
const jsapi = order('appTransReq', 'unionpay_jsapi', shown, (fields) => ({
  type: 'invoke',
  wallet: 'unionpay',
  api: 'upsdk.pay',
  params: { tn: required(fields, 'tn') },
}));

export const qr = (extra: Extra = {}): PayOperation =>
  order(
    'backTransReq',
    'unionpay_qr',
    (input) => ({ payTimeout: txnTime(input.expires_at), ...extra }),
    (fields) => ({ type: 'show_qr', qr_content: required(fields, 'qrCode') }),
  );

/** Accepted is not paid: the outcome comes by notification or query. */
export const barcode = (extra: Extra = {}): PayOperation =>
  order(
    'backTransReq',
    'unionpay_barcode',
    (input, { config }) => {
      const termId = input.terminal_id !== undefined && /^[0-9A-Za-z]{8}$/.test(input.terminal_id) ? input.terminal_id : config.terminal_id;
      if (input.auth_code === undefined) return refusedHere('HELIU_AUTH_CODE_MISSING', 'auth_code is required for this method');
      return { qrNo: input.auth_code, ...(termId === undefined ? {} : { termId }), ...extra };
    },
    () => ({ type: 'wait' }),
  );

export const pay = {
  unionpay_qr: qr(),
  unionpay_jsapi: jsapi,
  unionpay_app: app(),
  unionpay_h5: front('unionpay_h5'),
  unionpay_page: front('unionpay_page'),
  // The page opens on online banking, and the payer may still choose a card.
  unionpay_bank: front('unionpay_bank', { defaultPayType: '0001' }),
  unionpay_b2b: front('unionpay_b2b'),
  unionpay_barcode: barcode(),
} as const;
