import { fenToNumber } from '../../kernel/money.ts';
import type { RefundFact } from '../../kernel/outcome.ts';
import type { Operation, RefundInput, Settled } from '../define.ts';
import type { Fields } from '../flat-xml.ts';
import { ask, refundFailure, refused, requiredField } from '../meaning.ts';
import type { Config } from './config.ts';
import { orderType } from './orders.ts';
import { failureOf, numberAt, signedRequest, verifyAnswer } from './wire.ts';

/** Refunds. What became of a lost answer is asked about, never sent again by itself. */
export const requestRefund: Operation<Config, RefundInput, RefundFact> = {
  retry: 'never',
  request: (input, account, env) =>
    signedRequest(account, env, '/commonRefund', {
      mchnt_order_no: numberAt(account.config, input.channel_order_no),
      order_type: orderType(input.method),
      refund_order_no: numberAt(account.config, input.channel_refund_no),
      total_amt: String(fenToNumber(input.total_fen)),
      refund_amt: String(fenToNumber(input.amount_fen)),
      operator_id: '',
      // The day on which the gateway settled the order is told by queries only; without it thirty days are searched.
      reserved_origi_dt: '',
    }),
  verify: verifyAnswer,
  outcome(answer, input, { config }) {
    const { fields, failure } = failureOf(answer, config, 'other');
    if (failure) return refundFailure(failure);
    if (requiredField(fields, 'refund_order_no') !== numberAt(config, input.channel_refund_no)) return ask('unreadable', 'the answer is about another refund');
    return { is: 'pending' };
  },
};

/** The answer names no amount: it is that of the request which this number stands for. */
export const queryRefund: Operation<Config, RefundInput, RefundFact> = {
  retry: 'same_key',
  request: (input, account, env) => signedRequest(account, env, '/refundQuery', { refund_order_no: numberAt(account.config, input.channel_refund_no) }),
  verify: verifyAnswer,
  outcome(answer, input, { config }) {
    const { fields, failure } = failureOf(answer, config, 'other');
    if (failure) return refundFailure(failure);
    if (requiredField(fields, 'refund_order_no') !== numberAt(config, input.channel_refund_no)) return ask('unreadable', 'the answer is about another refund');
    return readRefund(fields, input);
  },
};

function readRefund(fields: Fields, { amount_fen }: RefundInput): Settled<RefundFact> {
  const state = requiredField(fields, 'trans_stat');
  if (state === 'SUCCESS') return { is: 'succeeded', amount_fen };
  return state === 'PAYERROR' ? refused('refund_not_allowed', state, fields.result_msg) : ask('unlisted', state);
}
