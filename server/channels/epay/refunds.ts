import { formatYuan, parseYuan } from '../../kernel/money.ts';
import type { RefundFact } from '../../kernel/outcome.ts';
import type { Operation, RefundInput } from '../define.ts';
import { ask, requiredField } from '../meaning.ts';
import type { Config } from './config.ts';
import { done, isAbsence, keyedCall, readAnswer, unlisted, verifyAnswer } from './wire.ts';

/** Refunds, where the installation has them. A lost answer is asked about, never sent again by itself. */
export const requestRefund: Operation<Config, RefundInput, RefundFact> = {
  retry: 'never',
  request: (input, account) =>
    keyedCall(account, 'refund', { out_trade_no: input.channel_order_no, money: formatYuan(input.amount_fen), out_refund_no: input.channel_refund_no }, 'POST'),
  verify: verifyAnswer,
  // That it was taken says nothing of when it is done: the query tells.
  outcome(answer) {
    const read = readAnswer(answer);
    return read.code === done ? { is: 'pending' } : unlisted(read);
  },
};

export const queryRefund: Operation<Config, RefundInput, RefundFact> = {
  retry: 'same_key',
  request: (input, account) => keyedCall(account, 'refundquery', { out_refund_no: input.channel_refund_no }, 'POST'),
  verify: verifyAnswer,
  outcome(answer, input, { config }) {
    const read = readAnswer(answer);
    if (isAbsence(read)) return { is: 'not_found' };
    if (read.code !== done) return unlisted(read);
    const { fields } = read;
    if (requiredField(fields, 'out_refund_no') !== input.channel_refund_no) return ask('unreadable', 'the answer is about another refund');
    const status = requiredField(fields, 'status');
    if (status !== (config.refund_done_status ?? '1')) return ask('unlisted', `status ${status}`);
    const amount_fen = parseYuan(requiredField(fields, 'money'));
    if (amount_fen === undefined) throw new Error('money is not an amount');
    return { is: 'succeeded', amount_fen };
  },
};
