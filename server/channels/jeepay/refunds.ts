import { fenToNumber, toFen } from '../../kernel/money.ts';
import type { RefundFact } from '../../kernel/outcome.ts';
import type { Operation, RefundInput, Settled } from '../define.ts';
import { ask, refundFailure, refused } from '../meaning.ts';
import { shortNo } from '../short-no.ts';
import type { Config } from './config.ts';
import type { Values } from './sign.ts';
import { dataOf, integerIn, signedRequest, textIn, verifyAnswer } from './wire.ts';

/** Refunds. A number that was used is refused, so a lost answer is asked about and never repeated by itself. */
export const requestRefund: Operation<Config, RefundInput, RefundFact> = {
  retry: 'never',
  request: (input, account, env) =>
    signedRequest(account, env, '/api/refund/refundOrder', {
      mchOrderNo: shortNo(input.channel_order_no),
      mchRefundNo: shortNo(input.channel_refund_no),
      refundAmount: fenToNumber(input.amount_fen),
      currency: 'cny',
      refundReason: (input.reason ?? '退款').slice(0, 64),
      ...(input.notify_url.length > 128 ? {} : { notifyUrl: input.notify_url }),
    }),
  verify: verifyAnswer,
  outcome: (answer, input, account) => {
    const { data, failure } = dataOf(answer, true, account);
    return failure ? refundFailure(failure) : ours(data, input);
  },
};

export const queryRefund: Operation<Config, RefundInput, RefundFact> = {
  retry: 'same_key',
  request: (input, account, env) => signedRequest(account, env, '/api/refund/query', { mchRefundNo: shortNo(input.channel_refund_no) }),
  verify: verifyAnswer,
  outcome: (answer, input, account) => {
    const { data, failure } = dataOf(answer, false, account);
    return failure ? refundFailure(failure) : ours(data, input);
  },
};

const ours = (data: Values, { channel_refund_no }: RefundInput): Settled<RefundFact> =>
  textIn(data, 'mchRefundNo') === shortNo(channel_refund_no) ? readRefund(data) : ask('unreadable', 'the answer is about another refund');

/** 0 made, 1 under way, 2 through, 3 failed, 4 closed. */
export function readRefund(data: Values): Settled<RefundFact> {
  const channel_refund_id = textIn(data, 'refundOrderId');
  const state = integerIn(data, 'state');
  if (state === 0 || state === 1) return { is: 'pending', channel_refund_id };
  if (state === 2) return { is: 'succeeded', channel_refund_id, amount_fen: toFen(integerIn(data, 'refundAmount')) };
  if (state === 3 || state === 4) return refused('refund_not_allowed', String(data.errCode ?? state), String(data.errMsg ?? ''));
  return ask('unlisted', `state ${state}`);
}
