import { fenToNumber } from '../../kernel/money.ts';
import type { RefundFact } from '../../kernel/outcome.ts';
import { formatShanghaiCompact } from '../../kernel/time.ts';
import type { Operation, RefundInput, Settled } from '../define.ts';
import type { Fields } from '../flat-xml.ts';
import { ask, fenField, refundFailure, requiredField } from '../meaning.ts';
import type { Config } from './config.ts';
import { fieldsOf, verifyAnswer, xmlRequest } from './wire.ts';

/** A refund is a trade of its own, with our refund number. What became of a lost answer is asked about, never sent again by itself. */
export const requestRefund: Operation<Config, RefundInput, RefundFact> = {
  retry: 'never',
  request: (input, account) =>
    xmlRequest(account, 'refund', {
      tradeNum: input.channel_refund_no,
      oTradeNum: input.channel_order_no,
      amount: String(fenToNumber(input.amount_fen)),
      currency: 'CNY',
      tradeTime: formatShanghaiCompact(input.created_at),
      notifyUrl: input.notify_url,
    }),
  verify: verifyAnswer,
  outcome: (answer, input, { config }) => {
    const { fields, failure } = fieldsOf(answer, config);
    return failure ? refundFailure(failure) : ours(fields, input);
  },
};

export const queryRefund: Operation<Config, RefundInput, RefundFact> = {
  retry: 'same_key',
  request: (input, account) => xmlRequest(account, 'query', { tradeNum: input.channel_refund_no, oTradeNum: input.channel_order_no, tradeType: '1' }),
  verify: verifyAnswer,
  outcome: (answer, input, { config }) => {
    const { fields, failure } = fieldsOf(answer, config);
    return failure ? refundFailure(failure) : ours(fields, input);
  },
};

const ours = (fields: Fields, { channel_refund_no }: RefundInput): Settled<RefundFact> =>
  requiredField(fields, 'tradeNum') === channel_refund_no ? readRefund(fields) : ask('unreadable', 'the answer is about another refund');

/** As of orders; that 3 is the end nobody says. */
export function readRefund(fields: Fields): Settled<RefundFact> {
  const status = requiredField(fields, 'status');
  if (status === '0' || status === '1') return { is: 'pending' };
  return status === '2' ? { is: 'succeeded', amount_fen: fenField(fields, 'amount') } : ask('unlisted', `status ${status}`);
}
