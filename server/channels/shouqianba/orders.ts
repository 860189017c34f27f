import { type Method, methods } from '@heliu/contract';
import { type Fen, fenToNumber } from '../../kernel/money.ts';
import type { PaymentFact } from '../../kernel/outcome.ts';
import { parseShanghai } from '../../kernel/time.ts';
import type { Account, Operation, OrderInput, PayFact, PayInput, Session, Settled, UndoFact, WireRequest } from '../define.ts';
import { ask, asks, fenField, type Meaning, meaningIn, no, payFailure, refused, refusedHere, type Table, textInBytes } from '../meaning.ts';
import { type Config, operatorOf } from './config.ts';
import { byTerminal, type Json, no_key, optionalText, question, readAnswer, type Said, type Texts, textIn, verifyAnswer } from './wire.ts';

/**
 * Orders. What an order is, its `order_status` says; `result_code` tells of the call alone.
 * @see https://github.com/WoSai/shouqianba-doc zh-cn/api/interface, zh-cn/api/annex/resultCode.md
 */

/** Codes of wallets. A payment code names its wallet by itself. */
const payways = { wechat_qr: '3', alipay_qr: '1', qq_qr: '6', jd_qr: '5' } as const satisfies Partial<Record<Method, string>>;
export type Precreated = keyof typeof payways;

/** Ten digits. */
const amount_digits_max = 10;
const notify_url_length_max = 128;

/**
 * Errors that mean that no order was charged. A number that is known there already is none of them: the first request may have
 * been ours. Those of the buyer are final with an order too: the gateway says then that it has undone it.
 */
const noes: Table = {
  INVALID_BARCODE: no('payment_code_invalid'),
  EXPIRED_BARCODE: no('payment_code_expired'),
  INSUFFICIENT_FUND: no('insufficient_funds'),
  BUYER_OVER_DAILY_LIMIT: no('limit_exceeded'),
  BUYER_OVER_TRANSACTION_LIMIT: no('limit_exceeded'),
  SELLER_OVER_DAILY_LIMIT: no('limit_exceeded'),
  UPAY_STORE_OVER_DAILY_LIMIT: no('limit_exceeded'),
  UPAY_TERMINAL_NOT_EXISTS: no('configuration_error'),
  UPAY_TERMINAL_STATUS_ABNORMAL: no('configuration_error'),
};

/** `FAIL` is said before anything began; whatever else comes without an order is asked about. */
function failedMeaning({ code, error = code }: Said & { is: 'business' }): Meaning {
  return code === 'FAIL' ? meaningIn(noes, error) : asks('unlisted');
}

function sent(input: PayInput, account: Account<Config>, path: string, own: (session: Session) => Texts): WireRequest | ReturnType<typeof refusedHere> {
  const { session, config } = account;
  const total_amount = amountText(input.amount_fen);
  if (input.currency !== 'CNY') return refusedHere('currency_not_supported', 'HELIU_CURRENCY', 'Shouqianba takes CNY only');
  if (total_amount.length > amount_digits_max) return refusedHere('limit_exceeded', 'HELIU_AMOUNT', 'Shouqianba takes amounts of at most ten digits');
  // Nothing is sent without a key, so nothing can have been charged by it.
  if (!session) return refusedHere('configuration_error', no_key.code, no_key.message);
  return byTerminal(config, session, path, {
    client_sn: input.channel_order_no,
    total_amount,
    subject: textInBytes(input.subject, 64),
    operator: operatorOf(config),
    // A notification is no more than a hint, so an address that does not fit is left out.
    ...(input.notify_url.length > notify_url_length_max ? {} : { notify_url: input.notify_url }),
    ...own(session),
  });
}

export const amountText = (amount_fen: Fen): string => String(fenToNumber(amount_fen));

/** Makes an order with a QR code, good for some four minutes. A number can be used once, so nothing is repeated. */
export function precreate(method: Precreated): Operation<Config, PayInput, PayFact> {
  return {
    retry: 'never',
    request: (input, account) => sent(input, account, '/upay/v2/precreate', () => ({ payway: payways[method], sub_payway: '2' })),
    verify: verifyAnswer,
    outcome: (answer, input) =>
      sentOutcome(readAnswer(answer), input, (data) => {
        const qr_content = optionalText(data, 'qr_code');
        return qr_content === undefined ? ask('unreadable', 'the order has no QR code') : { is: 'waiting', action: { type: 'show_qr', qr_content } };
      }),
  };
}

/** Charges a payment code; the gateway finds the wallet. */
export const chargeCode: Operation<Config, PayInput, PayFact> = {
  retry: 'never',
  request(input, account) {
    const { auth_code } = input;
    if (auth_code === undefined) return refusedHere('payment_code_invalid', 'HELIU_AUTH_CODE_MISSING', 'auth_code is required for payment codes');
    return sent(input, account, '/upay/v2/pay', () => ({ dynamic_id: auth_code }));
  },
  verify: verifyAnswer,
  outcome: (answer, input) => sentOutcome(readAnswer(answer), input, () => ({ is: 'waiting', action: { type: 'wait' } })),
};

function sentOutcome(said: Said, input: PayInput, waiting: (data: Json) => Settled<PayFact>): Settled<PayFact> {
  if (said.is === 'server') return ask('server_error', said.error);
  // Parameters are looked at before there is an order; a signature that is not taken may be one of a key that has just been followed by another.
  if (said.is === 'client') return said.error === 'INVALID_PARAMS' ? refused('configuration_error', said.error, said.message) : ask('unlisted', said.error);
  if (!said.data) return payFailure({ meaning: failedMeaning(said), code: said.error ?? said.code, message: said.message });
  const fact = readOrder(said.data, said, input);
  return fact.is === 'waiting' ? waiting(said.data) : (fact as Settled<PayFact>);
}

export const queryOrder: Operation<Config, OrderInput, PaymentFact> = {
  retry: 'same_key',
  request: (input, account) => question(account, '/upay/v2/query', { client_sn: input.channel_order_no }),
  verify: verifyAnswer,
  outcome(answer, input) {
    const said = readAnswer(answer);
    if (said.is !== 'business') return ask(said.is === 'server' ? 'server_error' : 'unlisted', said.error);
    if (said.data) return readOrder(said.data, said, input);
    return isAbsent(said) ? { is: 'not_found' } : ask('unlisted', said.error ?? said.code);
  },
};

export const isAbsent = (said: Said & { is: 'business' }): boolean => said.code === 'FAIL' && said.error === 'UPAY_ORDER_NOT_EXISTS';

type Error = { readonly error: string | undefined; readonly message: string | undefined };

function readOrder(data: Json, { error, message }: Error, { channel_order_no, method }: Pick<OrderInput, 'channel_order_no' | 'method'>): Settled<PaymentFact> {
  if (textIn(data, 'client_sn') !== channel_order_no) return ask('unreadable', 'the answer is about another order');
  const status = textIn(data, 'order_status');
  switch (status) {
    case 'CREATED':
      return { is: 'waiting' };
    case 'PAID':
    case 'PARTIAL_REFUNDED':
    case 'REFUNDED':
    case 'REFUND_ERROR':
      return paid(data, status);
    case 'PAY_CANCELED':
      // A QR code that nobody paid ends so as well; of a payment code it is the no, with its reason.
      return methods[method].scene === 'barcode' ? refusedOrder(error, message) : { is: 'closed' };
    case 'CANCELED':
      return { is: 'closed' };
    default:
      return ask('unlisted', status);
  }
}

function refusedOrder(error = 'PAY_CANCELED', message?: string): Settled<PaymentFact> {
  const meaning = meaningIn(noes, error);
  return refused(meaning.final === 'no' ? meaning.reason : 'other', error, message);
}

/** After a refund the times are those of the refund, and only that of the order's making is left. */
function paid(data: Json, status: string): PaymentFact & { is: 'paid' } {
  const times = status === 'PAID' ? ['channel_finish_time', 'finish_time', 'ctime'] : ['ctime'];
  const [payer_id, store_id] = ['payer_uid', 'store_id'].map((name) => optionalText(data, name));
  return {
    is: 'paid',
    success: {
      channel_transaction_id: textIn(data, 'sn'),
      amount_fen: fenField({ total_amount: textIn(data, 'total_amount') }, 'total_amount'),
      currency: 'CNY',
      paid_at: timeIn(data, times),
      ...(payer_id === undefined ? {} : { payer_id }),
      identity: store_id === undefined ? {} : { store_id },
    },
  };
}

/** Milliseconds, or a time of Shanghai, as the printed examples have both. */
export function timeIn(data: Json, names: readonly string[]): Date {
  const text = names.map((name) => optionalText(data, name)).find((value) => value !== undefined) ?? '';
  const at = /^\d{13}$/.test(text) ? new Date(Number(text)) : parseShanghai(text);
  if (!at) throw new Error(`${names[0]} is not a time`);
  return at;
}

/** Undoes a charge by payment code on its day, money back included. */
export const cancelOrder: Operation<Config, OrderInput, UndoFact> = {
  retry: 'same_key',
  request: (input, account) => question(account, '/upay/v2/cancel', { client_sn: input.channel_order_no }),
  verify: verifyAnswer,
  outcome(answer, { channel_order_no }) {
    const said = readAnswer(answer);
    if (said.is !== 'business') return ask(said.is === 'server' ? 'server_error' : 'unlisted', said.error);
    if (said.data && textIn(said.data, 'client_sn') !== channel_order_no) return ask('unreadable', 'the answer is about another order');
    const status = said.data && textIn(said.data, 'order_status');
    if (status === 'CANCELED') return { is: 'closed', money: 'not_said' };
    if (status === 'PAY_CANCELED') return { is: 'closed', money: 'none' };
    if (said.code === 'CANCEL_IN_PROGRESS' || said.code === 'CANCEL_ABORT_IN_PROGRESS') return { is: 'again' };
    return (said.code === 'FAIL' || said.code === 'CANCEL_ERROR') && said.error !== undefined ? undoFact(said.error, said.message) : ask('unlisted', said.code);
  },
};

function undoFact(error: string, message: string | undefined): Settled<UndoFact> {
  switch (error) {
    case 'UPAY_CANCEL_ORDER_NOOP':
      return { is: 'closed', money: 'not_said' };
    case 'UPAY_ORDER_NOT_EXISTS':
      return { is: 'not_found' };
    case 'UPAY_CANCEL_INVALID_ORDER_STATE':
      return { is: 'not_closable' };
    case 'UPAY_TCP_ORDER_NOT_REFUNDABLE':
      return refused('refund_not_allowed', error, message);
    default:
      return ask('unlisted', error);
  }
}
