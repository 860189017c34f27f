import { parseYuan } from '../../kernel/money.ts';
import type { PaymentFact, Success } from '../../kernel/outcome.ts';
import { parseShanghai } from '../../kernel/time.ts';
import type { Operation, OrderInput, Settled, UndoFact } from '../define.ts';
import type { Config } from './config.ts';
import { gateway_codes, not_closable_codes, not_found_codes, success_code, undo_codes } from './errors.ts';
import { asks, type Fields, type Result, readResult, refusalOf, requestCall, textOf, verifyCall } from './wire.ts';

export function amountOf(fields: Fields, name: string) {
  const text = textOf(fields, name);
  const amount = text === undefined ? undefined : parseYuan(text);
  if (text !== undefined && amount === undefined) throw new Error(`${name} is not an amount`);
  return amount;
}

export function instantOf(fields: Fields, name: string): Date | undefined {
  const text = textOf(fields, name);
  const at = text === undefined ? undefined : parseShanghai(text);
  if (text !== undefined && at === undefined) throw new Error(`${name} is not a time`);
  return at;
}

/** Reads a success; throws when a part of it is missing. `identity` is what the message itself says of the receiver. */
export function successOf(fields: Fields, paid_field: string, identity: Readonly<Record<string, string>>): Success {
  const channel_transaction_id = textOf(fields, 'trade_no');
  const amount_fen = amountOf(fields, 'total_amount');
  const paid_at = instantOf(fields, paid_field);
  if (channel_transaction_id === undefined || amount_fen === undefined || paid_at === undefined)
    throw new Error('a success without its number, amount or time');
  const payer_amount_fen = amountOf(fields, 'buyer_pay_amount');
  // Given by contract only; what cannot be read here must not keep a payment from being known.
  const fee_fen = parseYuan(textOf(fields, 'charge_amount') ?? '');
  const payer_id = textOf(fields, 'buyer_open_id') ?? textOf(fields, 'buyer_user_id') ?? textOf(fields, 'buyer_id');
  return {
    channel_transaction_id,
    amount_fen,
    currency: textOf(fields, 'trans_currency') ?? 'CNY',
    ...(payer_amount_fen === undefined ? {} : { payer_amount_fen }),
    ...(fee_fen === undefined ? {} : { fee_fen }),
    paid_at,
    ...(payer_id === undefined ? {} : { payer_id }),
    identity,
  };
}

/** alipay.trade.pay names no state: 10000 with a payment time is a payment, unless it goes on asynchronously. */
export function paidNow({ code, fields }: Result): Extract<PaymentFact, { is: 'paid' }> | undefined {
  const is_paid = code === success_code && textOf(fields, 'gmt_payment') !== undefined && textOf(fields, 'async_payment_mode') === undefined;
  return is_paid ? { is: 'paid', success: successOf(fields, 'gmt_payment', {}) } : undefined;
}

const query_api = 'alipay.trade.query';

/**
 * A code that was not scanned, and a cashier that was not opened, have no order: that is `not_found` and no failure. No
 * error of a query is ever a refusal of the payment.
 * @see https://opendocs.alipay.com/open/02ekfh
 */
export const query: Operation<Config, OrderInput, PaymentFact> = {
  retry: 'same_key',
  request: (input, account, env) => requestCall({ api: query_api, content: { out_trade_no: input.channel_order_no } }, account, env),
  verify: verifyCall(query_api),
  outcome: (answer, input, account) => {
    const { code, sub_code, fields } = readResult(answer, query_api, account);
    if (sub_code !== undefined && not_found_codes.has(sub_code)) return { is: 'not_found' };
    if (code !== success_code) return asks(code, sub_code);
    if (textOf(fields, 'out_trade_no') !== input.channel_order_no) throw new Error('the answer is about another order');
    return stateFact(fields);
  },
};

function stateFact(fields: Fields): Settled<PaymentFact> {
  const state = textOf(fields, 'trade_status');
  switch (state) {
    case 'WAIT_BUYER_PAY':
      return { is: 'waiting' };
    case 'TRADE_SUCCESS':
    case 'TRADE_FINISHED':
      return { is: 'paid', success: successOf(fields, 'send_pay_date', {}) };
    case 'TRADE_CLOSED':
      return closedFact(fields);
    default:
      return { is: 'ask', why: 'unlisted', detail: `trade_status ${state}` };
  }
}

/**
 * `TRADE_CLOSED` is an order that ended unpaid, or one that was paid and refunded in full. The payment's time and money
 * stay in the second; where only one of the two is there, nothing is settled.
 */
function closedFact(fields: Fields): Settled<PaymentFact> {
  const has_time = textOf(fields, 'send_pay_date') !== undefined;
  const has_money = ['buyer_pay_amount', 'receipt_amount'].some((name) => (amountOf(fields, name) ?? 0n) > 0n);
  if (has_time && has_money) return { is: 'paid', success: successOf(fields, 'send_pay_date', {}) };
  return has_time || has_money ? { is: 'ask', why: 'unlisted', detail: 'TRADE_CLOSED with half a payment' } : { is: 'closed' };
}

/** What close and cancel answer when they did not do it. */
function undoRefusal(result: Result): Settled<UndoFact> {
  const { sub_code } = result;
  if (sub_code !== undefined && not_found_codes.has(sub_code)) return { is: 'not_found' };
  if (sub_code !== undefined && not_closable_codes.has(sub_code)) return { is: 'not_closable' };
  return refusalOf(result, undo_codes, gateway_codes);
}

const close_api = 'alipay.trade.close';

/** @see https://opendocs.alipay.com/open/02ekfi */
export const close: Operation<Config, OrderInput, UndoFact> = {
  retry: 'same_key',
  request: (input, account, env) => requestCall({ api: close_api, content: { out_trade_no: input.channel_order_no } }, account, env),
  verify: verifyCall(close_api),
  outcome: (answer, input, account) => {
    const result = readResult(answer, close_api, account);
    if (result.code !== success_code) return undoRefusal(result);
    if (textOf(result.fields, 'out_trade_no') !== input.channel_order_no) throw new Error('the answer is about another order');
    return { is: 'closed', money: 'none' };
  },
};

const cancel_api = 'alipay.trade.cancel';

/**
 * Cancel closes an unpaid order, refunds a paid one, and bars the number of one that does not exist. Without an `action`
 * it does not say which it did: a repeat is answered so too.
 * @see https://opendocs.alipay.com/open/02ekfl
 */
export const reverse: Operation<Config, OrderInput, UndoFact> = {
  retry: 'same_key',
  request: (input, account, env) => requestCall({ api: cancel_api, content: { out_trade_no: input.channel_order_no } }, account, env),
  verify: verifyCall(cancel_api),
  outcome: (answer, input, account) => {
    const result = readResult(answer, cancel_api, account);
    if (textOf(result.fields, 'retry_flag') === 'Y') return { is: 'again' };
    if (result.code !== success_code) return undoRefusal(result);
    if (textOf(result.fields, 'out_trade_no') !== input.channel_order_no) throw new Error('the answer is about another order');
    const action = textOf(result.fields, 'action');
    if (action !== undefined && action !== 'close' && action !== 'refund') return { is: 'ask', why: 'unlisted', detail: `action ${action.slice(0, 32)}` };
    return { is: 'closed', money: action === undefined ? 'not_said' : action === 'refund' ? 'returned' : 'none' };
  },
};
