import { formatYuan } from '../../kernel/money.ts';
import type { RefundFact } from '../../kernel/outcome.ts';
import type { Operation, RefundInput, Settled } from '../define.ts';
import type { Config } from './config.ts';
import { not_found_codes, refund_codes, success_code } from './errors.ts';
import { amountOf, instantOf } from './trade.ts';
import { asks, type Fields, readResult, refusalOf, requestCall, textOf, verifyCall } from './wire.ts';

/** Reasons are cut to what the gateway takes. */
const reason_length_max = 256;

const refund_api = 'alipay.trade.refund';

function assertSameOrder(fields: Fields, input: RefundInput): void {
  if (textOf(fields, 'out_trade_no') !== input.channel_order_no) throw new Error('the answer is about another order');
}

/**
 * `fund_change` Y: this call moved the money. Without it the call may be a repeat, and a query tells. `refund_fee` is the
 * sum of all refunds of the order, so it can only be compared, not taken. An error of the gateway itself settles nothing:
 * the call before may have come through, and the next will when the settings are right.
 * @see https://opendocs.alipay.com/open/02ekfk
 */
export const refund: Operation<Config, RefundInput, RefundFact> = {
  retry: 'same_key',
  request: (input, account, env) => {
    const content = {
      out_trade_no: input.channel_order_no,
      refund_amount: formatYuan(input.amount_fen),
      out_request_no: input.channel_refund_no,
      ...(input.reason === undefined ? {} : { refund_reason: input.reason.slice(0, reason_length_max) }),
    };
    return requestCall({ api: refund_api, content }, account, env);
  },
  verify: verifyCall(refund_api),
  outcome: (answer, input, account) => {
    const result = readResult(answer, refund_api, account);
    if (result.code !== success_code) return refusalOf(result, refund_codes);
    assertSameOrder(result.fields, input);
    if (textOf(result.fields, 'fund_change') !== 'Y') return { is: 'pending' };
    const refunded_fen = amountOf(result.fields, 'refund_fee');
    if (refunded_fen !== undefined && refunded_fen < input.amount_fen) return { is: 'ask', why: 'unlisted', detail: 'refund_fee is below the refund' };
    const refunded_at = instantOf(result.fields, 'gmt_refund_pay');
    return { is: 'succeeded', amount_fen: input.amount_fen, ...(refunded_at === undefined ? {} : { refunded_at }) };
  },
};

const query_api = 'alipay.trade.fastpay.refund.query';

/**
 * A number that the gateway does not know is answered with success and no refund in it.
 * @see https://opendocs.alipay.com/open/02ekfm
 */
export const refundQuery: Operation<Config, RefundInput, RefundFact> = {
  retry: 'same_key',
  request: (input, account, env) => {
    const content = { out_trade_no: input.channel_order_no, out_request_no: input.channel_refund_no, query_options: ['gmt_refund_pay'] };
    return requestCall({ api: query_api, content }, account, env);
  },
  verify: verifyCall(query_api),
  outcome: (answer, input, account) => {
    const { code, sub_code, fields } = readResult(answer, query_api, account);
    if (sub_code !== undefined && not_found_codes.has(sub_code)) return { is: 'not_found' };
    if (code !== success_code) return asks(code, sub_code);
    return stateFact(fields, input);
  },
};

function stateFact(fields: Fields, input: RefundInput): Settled<RefundFact> {
  const state = textOf(fields, 'refund_status');
  const amount_fen = amountOf(fields, 'refund_amount');
  if (state === undefined) return amount_fen === undefined ? { is: 'not_found' } : { is: 'ask', why: 'unlisted', detail: 'an amount without refund_status' };
  assertSameOrder(fields, input);
  if (textOf(fields, 'out_request_no') !== input.channel_refund_no) throw new Error('the answer is about another refund');
  if (state === 'REFUND_PROCESSING') return { is: 'pending' };
  if (state !== 'REFUND_SUCCESS' || amount_fen === undefined) return { is: 'ask', why: 'unlisted', detail: `refund_status ${state.slice(0, 32)}` };
  const refunded_at = instantOf(fields, 'gmt_refund_pay');
  return { is: 'succeeded', amount_fen, ...(refunded_at === undefined ? {} : { refunded_at }) };
}
