import { fenToNumber } from '../../kernel/money.ts';
import type { RefundFact } from '../../kernel/outcome.ts';
import type { Account, Operation, RefundInput, Settled } from '../define.ts';
import { ask, refundFailure } from '../meaning.ts';
import type { Config } from './config.ts';
import { readRefund } from './views.ts';
import { apiRequest, type Fields, isFields, readAnswer, verifyAnswer } from './wire.ts';

/** Refunds by our number: the same number with the same content is one refund, however often it is sent. */
export const refund: Operation<Config, RefundInput, RefundFact> = {
  retry: 'same_key',
  request: (input, account, env) =>
    apiRequest(account, env, 'POST', `/v1/payments/by-order-no/${input.channel_order_no}/refunds`, {
      merchant_refund_no: input.channel_refund_no,
      amount_fen: fenToNumber(input.amount_fen),
      ...(input.reason === undefined ? {} : { reason: input.reason }),
    }),
  verify: verifyAnswer,
  outcome(answer, input, account) {
    const { json, failure } = readAnswer(answer, 'refund');
    return failure ? refundFailure(failure) : ours(json, input, account);
  },
};

/** A list with the refund of our number, or with none. */
export const refundQuery: Operation<Config, RefundInput, RefundFact> = {
  retry: 'same_key',
  request: (input, account, env) => apiRequest(account, env, 'GET', `/v1/refunds?merchant_refund_no=${input.channel_refund_no}&limit=1`),
  verify: verifyAnswer,
  outcome(answer, input, account) {
    const { json, failure } = readAnswer(answer, 'refund_query');
    if (failure) return refundFailure(failure);
    if (!Array.isArray(json.data)) throw new Error('data is missing');
    const [found] = json.data as unknown[];
    if (found === undefined) return { is: 'not_found' };
    return isFields(found) ? ours(found, input, account) : ask('unreadable', 'the refund is not an object');
  },
};

function ours(fields: Fields, { channel_refund_no }: RefundInput, account: Account<Config>): Settled<RefundFact> {
  const read = readRefund(fields, account);
  return read?.refund_no === channel_refund_no ? read.fact : ask('unreadable', 'the answer is about another refund');
}
