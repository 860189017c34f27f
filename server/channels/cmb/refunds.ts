import type { RefundFact } from '../../kernel/outcome.ts';
import type { Operation, RefundInput, Settled } from '../define.ts';
import { ask, refundFailure, refused, textInBytes } from '../meaning.ts';
import type { Config } from './config.ts';
import { fenOf } from './orders.ts';
import { type Biz, read, request, required, textOf, verifyAnswer } from './wire.ts';

/** The number names the refund: the same one again is the same refund. Accepted is not done. */
export const refund: Operation<Config, RefundInput, RefundFact> = {
  retry: 'same_key',
  request: (input, account, env) => {
    const reason = input.reason === undefined ? undefined : textInBytes(input.reason, 128);
    const biz = {
      orderId: input.channel_refund_no,
      userId: account.config.user_id,
      origOrderId: input.channel_order_no,
      txnAmt: String(input.total_fen),
      refundAmt: String(input.amount_fen),
      notifyUrl: input.notify_url,
      refundReason: reason,
    };
    return request('refund', biz, account, env);
  },
  verify: verifyAnswer,
  outcome: (answer, input, account) => {
    const said = read(answer, account);
    if (said.failure) return refundFailure(said.failure);
    assertSame(said.biz, input);
    const id = textOf(said.biz, 'cmbOrderId');
    return { is: 'pending', ...(id === undefined ? {} : { channel_refund_id: id }) };
  },
};

export const refundQuery: Operation<Config, RefundInput, RefundFact> = {
  retry: 'same_key',
  request: (input, account, env) => request('refundquery', { orderId: input.channel_refund_no, userId: account.config.user_id }, account, env),
  verify: verifyAnswer,
  outcome: (answer, input, account) => {
    const said = read(answer, account);
    if (said.failure) return refundFailure(said.failure);
    assertSame(said.biz, input);
    return refundStateOf(said.biz, 'tradeState');
  },
};

function assertSame(biz: Biz, { channel_refund_no }: RefundInput): void {
  if (required(biz, 'orderId') !== channel_refund_no) throw new Error('the answer is about another refund');
}

/** S done, F failed, P on its way. */
export function refundStateOf(biz: Biz, name: 'tradeState' | 'refundState'): Settled<RefundFact> {
  const state = required(biz, name);
  const id = textOf(biz, 'cmbOrderId');
  const named = id === undefined ? {} : { channel_refund_id: id };
  if (state === 'S') return { is: 'succeeded', amount_fen: fenOf(biz, 'refundAmt'), ...named };
  if (state === 'P') return { is: 'pending', ...named };
  return state === 'F' ? refused('other', 'F', textOf(biz, 'respMsg')) : ask('unlisted', `${name} ${state.slice(0, 8)}`);
}
