import { fenToNumber } from '../../kernel/money.ts';
import type { RefundFact } from '../../kernel/outcome.ts';
import { parseShanghaiCompact } from '../../kernel/time.ts';
import type { Operation, RefundInput, Settled } from '../define.ts';
import type { Fields } from '../flat-xml.ts';
import { ask, fenField, refundFailure, requiredField } from '../meaning.ts';
import type { Config } from './config.ts';
import { answered, signedRequest, verifyMessage } from './wire.ts';

/** Refunds. The same number is the same refund, so a lost answer may be asked for again. There is no notification. */
export const requestRefund: Operation<Config, RefundInput, RefundFact> = {
  retry: 'same_key',
  request: (input, account, env) =>
    signedRequest(account, env, 'unified.trade.refund', {
      out_trade_no: input.channel_order_no,
      out_refund_no: input.channel_refund_no,
      total_fee: String(fenToNumber(input.total_fen)),
      refund_fee: String(fenToNumber(input.amount_fen)),
      op_user_id: account.config.op_user_id ?? account.config.mch_id,
      refund_channel: 'ORIGINAL',
    }),
  verify: verifyMessage,
  outcome(answer, input) {
    const { fields, failure } = answered(answer, 'refund');
    if (failure) return refundFailure(failure);
    if (requiredField(fields, 'out_refund_no') !== input.channel_refund_no) return ask('unreadable', 'the answer is about another refund');
    // `result_code` 0 says that it was accepted, not that it is through.
    return { is: 'pending', channel_refund_id: requiredField(fields, 'refund_id') };
  },
};

export const queryRefund: Operation<Config, RefundInput, RefundFact> = {
  retry: 'same_key',
  request: (input, account, env) => signedRequest(account, env, 'unified.trade.refundquery', { out_refund_no: input.channel_refund_no }),
  verify: verifyMessage,
  outcome(answer, input) {
    const { fields, failure } = answered(answer, 'refund_query');
    return failure ? refundFailure(failure) : readRefunds(fields, input);
  },
};

/** Refunds of one order that one answer may hold: WeChat allows fifty. */
const refunds_max = 200;

function readRefunds(fields: Fields, { channel_refund_no }: RefundInput): Settled<RefundFact> {
  const count = Number(requiredField(fields, 'refund_count'));
  if (!Number.isSafeInteger(count) || count < 0 || count > refunds_max) throw new Error('refund_count is not a count');
  for (let index = 0; index < count; index++) if (fields[`out_refund_no_${index}`] === channel_refund_no) return readRefund(fields, index);
  return { is: 'not_found' };
}

/** Only SUCCESS and PROCESSING were ever seen. What else there may be is asked about until a person has looked. */
function readRefund(fields: Fields, index: number): Settled<RefundFact> {
  const status = requiredField(fields, `refund_status_${index}`);
  const channel_refund_id = requiredField(fields, `refund_id_${index}`);
  if (status === 'PROCESSING') return { is: 'pending', channel_refund_id };
  if (status !== 'SUCCESS') return ask('unlisted', status);
  const refunded_at = parseShanghaiCompact((fields[`refund_time_${index}`] ?? '').replace(/\D/g, ''));
  return { is: 'succeeded', channel_refund_id, amount_fen: fenField(fields, `refund_fee_${index}`), ...(refunded_at ? { refunded_at } : {}) };
}
