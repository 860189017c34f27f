import type { RefundFact } from '../../kernel/outcome.ts';
import type { Operation, RefundInput, Settled } from '../define.ts';
import { ask, refused } from '../meaning.ts';
import { type Config, operatorOf } from './config.ts';
import { amountText, timeIn } from './orders.ts';
import { type Json, optionalText, question, readAnswer, textIn, verifyAnswer } from './wire.ts';

/**
 * Refunds have no query of their own: an order tells of what was done to it last, by `client_tsn`, which is our number.
 * @see https://github.com/WoSai/shouqianba-doc zh-cn/api/interface/refund.md
 */

/** The gateway's field has 20 characters and has to be unique among the refunds of one order; these end with all of the number's chance. */
const request_no_length = 20;
export const requestNo = (channel_refund_no: string): string => channel_refund_no.slice(-request_no_length);

/** Sums that do not fit are not among them: the first request under this number may be what has used them up. */
const noes = {
  SELLER_BALANCE_NOT_ENOUGH: 'merchant_balance_insufficient',
  ACCOUNT_BALANCE_NOT_ENOUGH: 'merchant_balance_insufficient',
  UPAY_TCP_ORDER_NOT_REFUNDABLE: 'refund_not_allowed',
} as const;

/** One `refund_request_no` is one refund, however often it is sent. */
export const requestRefund: Operation<Config, RefundInput, RefundFact> = {
  retry: 'same_key',
  request: (input, account) =>
    question(account, '/upay/v2/refund', {
      client_sn: input.channel_order_no,
      client_tsn: input.channel_refund_no,
      refund_request_no: requestNo(input.channel_refund_no),
      refund_amount: amountText(input.amount_fen),
      operator: operatorOf(account.config),
    }),
  verify: verifyAnswer,
  outcome(answer, input) {
    const said = readAnswer(answer);
    if (said.is !== 'business') return ask(said.is === 'server' ? 'server_error' : 'unlisted', said.error);
    const { code, error, data, message } = said;
    if (data && textIn(data, 'client_sn') !== input.channel_order_no) return ask('unreadable', 'the answer is about another order');
    // "This refund is done already."
    if (code === 'FAIL' && error === 'UPAY_REFUND_ORDER_NOOP') return { is: 'succeeded', amount_fen: input.amount_fen };
    if (code === 'REFUND_SUCCESS' && data) return done(data, input);
    if ((code === 'FAIL' || code === 'REFUND_FAIL') && error !== undefined && Object.hasOwn(noes, error)) {
      return refused(noes[error as keyof typeof noes], error, message);
    }
    // What is under way stays open too: once another refund of the order has come after it, only the same request tells.
    return ask('unlisted', error ?? code);
  },
};

export const queryRefund: Operation<Config, RefundInput, RefundFact> = {
  retry: 'same_key',
  request: (input, account) => question(account, '/upay/v2/query', { client_sn: input.channel_order_no }),
  verify: verifyAnswer,
  outcome(answer, input) {
    const said = readAnswer(answer);
    if (said.is !== 'business') return ask(said.is === 'server' ? 'server_error' : 'unlisted', said.error);
    const { data } = said;
    if (!data) return ask('unlisted', said.error ?? said.code);
    if (textIn(data, 'client_sn') !== input.channel_order_no) return ask('unreadable', 'the answer is about another order');
    // The order tells of its last work alone. Not shown is not final: the refund is sent again under its number, which is safe.
    if (textIn(data, 'client_tsn') !== input.channel_refund_no) return { is: 'not_found' };
    return done(data, input);
  },
};

/** Is about this refund. "Failed and undone" is final by the gateway's word; its other failures are not. */
function done(data: Json, { amount_fen }: RefundInput): Settled<RefundFact> {
  const [status, order_status] = [textIn(data, 'status'), textIn(data, 'order_status')];
  if (status === 'SUCCESS' && (order_status === 'REFUNDED' || order_status === 'PARTIAL_REFUNDED')) {
    const has_time = optionalText(data, 'finish_time') !== undefined;
    return { is: 'succeeded', amount_fen, ...(has_time ? { refunded_at: timeIn(data, ['finish_time']) } : {}) };
  }
  return status === 'FAIL_CANCELED' ? refused('refund_not_allowed', status) : ask('unlisted', `${order_status} ${status}`);
}
