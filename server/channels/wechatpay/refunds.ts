import { fenToNumber, toFen } from '../../kernel/money.ts';
import type { RefundFact } from '../../kernel/outcome.ts';
import { parseRfc3339 } from '../../kernel/time.ts';
import type { Operation, RefundInput, Settled, WireAnswer } from '../define.ts';
import type { Config } from './config.ts';
import { ask, failureOf, isSuccess, type Json, jsonOf, objectOf, refused, requiredInteger, requiredText, signedRequest, textOf, verifyAnswer } from './wire.ts';

/** Domestic refunds of APIv3; orders made with APIv2 are refunded here too. @see https://pay.weixin.qq.com/doc/v3/merchant/4012791883 */

const path = '/v3/refund/domestic/refunds';

/** Several calls with the same refund number refund once, so a lost answer may be asked for again. */
export const requestRefund: Operation<Config, RefundInput, RefundFact> = {
  retry: 'same_key',
  request(input, account, env) {
    const { config } = account;
    const body = {
      ...(config.mode === 'provider' ? { sub_mchid: config.sub_mchid } : {}),
      transaction_id: input.channel_transaction_id,
      out_refund_no: input.channel_refund_no,
      ...(input.reason === undefined ? {} : { reason: input.reason.slice(0, 80) }),
      // Without it the result would come in the unsigned form of APIv2.
      notify_url: input.notify_url,
      amount: { refund: fenToNumber(input.amount_fen), total: fenToNumber(input.total_fen), currency: input.currency },
    };
    return signedRequest(account, env, { method: 'POST', path, body });
  },
  verify: verifyAnswer,
  outcome: (answer, input) => (isSuccess(answer) ? outcomeOf(answer, input) : failureOfRefund(answer)),
};

/** Query by our refund number. @see https://pay.weixin.qq.com/doc/v3/merchant/4012791884 */
export const queryRefund: Operation<Config, RefundInput, RefundFact> = {
  retry: 'same_key',
  request(input, account, env) {
    const { mode, sub_mchid } = account.config;
    const query = mode === 'provider' ? `?sub_mchid=${sub_mchid}` : '';
    return signedRequest(account, env, { method: 'GET', path: `${path}/${encodeURIComponent(input.channel_refund_no)}${query}` });
  },
  verify: verifyAnswer,
  outcome: (answer, input) => (isSuccess(answer) ? outcomeOf(answer, input) : failureOfQuery(answer)),
};

function outcomeOf(answer: WireAnswer, input: RefundInput): Settled<RefundFact> {
  const json = jsonOf(answer);
  if (requiredText(json, 'out_refund_no') !== input.channel_refund_no) return ask('unreadable', 'the answer is about another refund');
  return readRefund(json, requiredText(json, 'status'));
}

/**
 * Reads a refund; a notification calls its state `refund_status`, and only it has a time at which that was so. `ABNORMAL` is not
 * final: the card is void and the money waits at WeChat until the merchant says where to.
 */
export function readRefund(json: Json, status: string, said_at?: Date): Settled<RefundFact> {
  const channel_refund_id = requiredText(json, 'refund_id');
  switch (status) {
    case 'SUCCESS': {
      const refunded_at = parseRfc3339(textOf(json, 'success_time') ?? '');
      const amount_fen = toFen(requiredInteger(objectOf(json, 'amount'), 'refund'));
      return { is: 'succeeded', channel_refund_id, amount_fen, ...(refunded_at ? { refunded_at } : {}) };
    }
    case 'PROCESSING':
      return { is: 'pending', channel_refund_id };
    case 'ABNORMAL':
      return { is: 'pending', channel_refund_id, ...(said_at ? { stopped_at: said_at } : {}) };
    case 'CLOSED':
      return refused('merchant_balance_insufficient', status, undefined);
    default:
      return ask('unlisted', status);
  }
}

function failureOfRefund(answer: WireAnswer): Settled<RefundFact> {
  const { meaning, code, message } = failureOf('refund', answer);
  if (meaning.final === 'no') return refused(meaning.reason, code, message);
  if (meaning.final === 'wait' && meaning.state === 'not_found') return { is: 'not_found' };
  return ask(meaning.final === 'ask' ? meaning.why : 'unlisted', code);
}

function failureOfQuery(answer: WireAnswer): Settled<RefundFact> {
  const { meaning, code } = failureOf('refund_query', answer);
  if (meaning.final === 'wait' && meaning.state === 'not_found') return { is: 'not_found' };
  return ask(meaning.final === 'ask' ? meaning.why : 'unlisted', code);
}
