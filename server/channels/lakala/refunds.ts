import { fenToNumber } from '../../kernel/money.ts';
import type { RefundFact } from '../../kernel/outcome.ts';
import { parseShanghaiCompact } from '../../kernel/time.ts';
import type { Operation, RefundInput, Settled } from '../define.ts';
import { ask, fenField, refundFailure, refused } from '../meaning.ts';
import type { Config } from './config.ts';
import { dataOf, type Json, optionalText, signedRequest, textIn, verifyAnswer } from './wire.ts';

/** A refund is a trade of its own, with our refund number. What became of a lost answer is asked about, never sent again by itself. */
export const requestRefund: Operation<Config, RefundInput, RefundFact> = {
  retry: 'never',
  request: (input, account, env) =>
    signedRequest(account, env, '/api/v3/labs/relation/refund', {
      out_trade_no: input.channel_refund_no,
      refund_amount: String(fenToNumber(input.amount_fen)),
      refund_reason: (input.reason ?? '退款').slice(0, 32),
      origin_out_trade_no: input.channel_order_no,
      location_info: { request_ip: '127.0.0.1' },
    }),
  verify: verifyAnswer,
  outcome(answer, _, { config }) {
    const { data, failure } = dataOf(answer, config);
    if (failure) return refundFailure(failure);
    const channel_refund_id = optionalText(data, 'trade_no');
    return { is: 'pending', ...(channel_refund_id === undefined ? {} : { channel_refund_id }) };
  },
};

export const queryRefund: Operation<Config, RefundInput, RefundFact> = {
  retry: 'same_key',
  request: (input, account, env) => signedRequest(account, env, '/api/v3/labs/query/tradequery', { out_trade_no: input.channel_refund_no }),
  verify: verifyAnswer,
  outcome(answer, input, { config }) {
    const { data, failure } = dataOf(answer, config);
    if (failure) return refundFailure(failure);
    if (textIn(data, 'out_trade_no') !== input.channel_refund_no) return ask('unreadable', 'the answer is about another refund');
    return readRefund(data);
  },
};

function readRefund(data: Json): Settled<RefundFact> {
  const state = textIn(data, 'trade_state');
  const channel_refund_id = textIn(data, 'trade_no');
  if (state === 'INIT' || state === 'CREATE' || state === 'DEAL') return { is: 'pending', channel_refund_id };
  if (state === 'FAIL') return refused('refund_not_allowed', state);
  if (state !== 'SUCCESS') return ask('unlisted', state);
  const refunded_at = parseShanghaiCompact(optionalText(data, 'trade_time') ?? '');
  const amount_fen = fenField({ total_amount: textIn(data, 'total_amount') }, 'total_amount');
  return { is: 'succeeded', channel_refund_id, amount_fen, ...(refunded_at ? { refunded_at } : {}) };
}
