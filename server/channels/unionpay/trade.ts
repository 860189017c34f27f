import { toFen } from '../../kernel/money.ts';
import type { PaymentFact, Success } from '../../kernel/outcome.ts';
import { type Account, asOf, type Env, type Operation, type OrderInput, type Settled, type Step, type UndoFact, type WireRequest } from '../define.ts';
import type { Config } from './config.ts';
import { debited_too_late_code, isDone, not_found_code, not_undoable_codes, pay_codes, reversed_code } from './errors.ts';
import { payRefusal } from './pay.ts';
import type { Fields } from './sign.ts';
import { asks, bookedAt, commonFields, isAccepted, post, readAnswer, refusalOf, required, txnTime, verifyAnswer } from './wire.ts';

/** Asks about a transaction of ours by its number and time. */
export function requestQuery<Fact>(order_no: string, created_at: Date, account: Account<Config>): Step<WireRequest | { readonly local: Settled<Fact> }> {
  const fields = { ...commonFields(account), txnType: '00', txnSubType: '00', bizType: '000000', orderId: order_no, txnTime: txnTime(created_at) };
  return post<Fact>('queryTrans', fields, account);
}

export function amountOf(fields: Fields): ReturnType<typeof toFen> {
  const text = required(fields, 'txnAmt');
  if (!/^[1-9]\d{0,11}$/.test(text)) throw new Error('txnAmt is no amount');
  return toFen(BigInt(text));
}

/** A payment that is done, as a notification or a query tells of it. */
export function successOf(fields: Fields): Success {
  const currency = required(fields, 'currencyCode');
  return {
    channel_transaction_id: required(fields, 'queryId'),
    amount_fen: amountOf(fields),
    currency: currency === '156' ? 'CNY' : currency,
    paid_at: bookedAt(fields),
    identity: { mer_id: required(fields, 'merId') },
  };
}

/** Payments that the payer makes on a page or a phone may be tried again within their order until it ends. */
const mayTryAgain = ({ method, expires_at }: OrderInput, env: Env): boolean => method !== 'unionpay_barcode' && asOf(env) < expires_at;

/** `respCode` says whether the question was answered, `origRespCode` how the order stands. */
export function stateOf(fields: Fields, input: OrderInput, env: Env, txnType = '01'): Settled<PaymentFact> {
  const code = required(fields, 'respCode');
  if (code === not_found_code) return { is: 'not_found' };
  if (!isAccepted(fields)) return asks(code);
  if (required(fields, 'txnType') !== txnType) throw new Error('the answer is about another kind of transaction');
  const state = required(fields, 'origRespCode');
  if (isDone(state)) return { is: 'paid', success: successOf(fields) };
  if (state === reversed_code || state === debited_too_late_code) return { is: 'closed' };
  if (Object.hasOwn(pay_codes, state) && pay_codes[state]?.final === 'wait') return { is: 'waiting' };
  const refusal = payRefusal(state, fields.get('origRespMsg'), input.method);
  return refusal.is === 'refused' && mayTryAgain(input, env) ? { is: 'waiting' } : refusal;
}

/** 交易状态查询. Nobody knows an order of a page before its payer has paid: that is `not_found`, and final when the order has ended. */
export const query: Operation<Config, OrderInput, PaymentFact> = {
  retry: 'same_key',
  request: (input, account) => requestQuery<PaymentFact>(input.channel_order_no, input.created_at, account),
  verify: verifyAnswer,
  outcome: (answer, input, _account, env) => stateOf(readAnswer(answer, input.channel_order_no), input, env),
};

/**
 * 冲正 of a payment code under its own number and time: what was charged goes back, what was not can no longer be charged. The answer is
 * the result. Only on the clearing day of the payment; later it is refunded.
 */
export const reverse: Operation<Config, OrderInput, UndoFact> = {
  retry: 'same_key',
  request: (input, account) => {
    const fields = { ...commonFields(account), txnType: '99', txnSubType: '01', bizType: '000000', channelType: '08', orderId: input.channel_order_no };
    return post<UndoFact>('backTransReq', { ...fields, txnTime: txnTime(input.created_at) }, account);
  },
  verify: verifyAnswer,
  outcome: (answer, input) => {
    const fields = readAnswer(answer, input.channel_order_no);
    const code = required(fields, 'respCode');
    if (isAccepted(fields) || code === reversed_code) return { is: 'closed', money: 'not_said' };
    if (code === not_found_code) return { is: 'not_found' };
    return not_undoable_codes.has(code) ? { is: 'not_closable' } : refusalOf(code, fields.get('respMsg'), {});
  },
};
