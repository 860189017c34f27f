import { fenToNumber } from '../../kernel/money.ts';
import type { RefundFact } from '../../kernel/outcome.ts';
import { formatShanghaiCompact } from '../../kernel/time.ts';
import type { Operation, RefundInput, Settled } from '../define.ts';
import type { Fields } from '../flat-xml.ts';
import { ask, fenField, refundFailure, refused, requiredField } from '../meaning.ts';
import { shortNo } from '../short-no.ts';
import type { Config } from './config.ts';
import { queryRequest, undoneParts, undoParts, verifyState } from './orders.ts';
import { formRequest, outcomeOf, verifyBy } from './wire.ts';

/** Refunds. That the same number refunds once is not promised, so a lost answer is asked about and never repeated by itself. */
export const requestRefund: Operation<Config, RefundInput, RefundFact> = {
  retry: 'never',
  request(input, account) {
    const { merchant_id, sub_merchant_id, trade_key, absent_ledger } = account.config;
    const number = shortNo(input.channel_order_no);
    const fields = {
      merchantId: merchant_id,
      ...(sub_merchant_id === undefined ? {} : { subMerchantId: sub_merchant_id }),
      merchantPwd: trade_key.expose(),
      oldOrderNo: number,
      oldOrderReqNo: number,
      refundReqNo: shortNo(input.channel_refund_no),
      refundReqDate: formatShanghaiCompact(input.created_at).slice(0, 8),
      transAmt: String(fenToNumber(input.amount_fen)),
      channel: '05',
      bgUrl: input.notify_url,
    };
    const ledger = absent_ledger === 'null' ? 'null' : '';
    return formRequest(account, '/refund/commonRefund', fields, [...undoParts(fields), ['LEDGERDETAIL', ledger]]);
  },
  verify: verifyBy(undoneParts),
  outcome(answer, input, account) {
    const { fields, failure } = outcomeOf('refund', answer, account);
    if (failure) return refundFailure(failure);
    if (requiredField(fields, 'refundReqNo') !== shortNo(input.channel_refund_no)) return ask('unreadable', 'the answer is about another refund');
    return { is: 'pending' };
  },
};

export const queryRefund: Operation<Config, RefundInput, RefundFact> = {
  retry: 'same_key',
  request: (input, account) => queryRequest(account, shortNo(input.channel_order_no), shortNo(input.channel_refund_no), input.created_at),
  verify: verifyState,
  outcome(answer, input, account) {
    const { fields, failure } = outcomeOf('query', answer, account);
    if (failure) return refundFailure(failure);
    if (requiredField(fields, 'orderReqNo') !== shortNo(input.channel_refund_no)) return ask('unreadable', 'the answer is about another refund');
    return readRefund(fields);
  },
};

/** B is through and C has failed, in answers and in notifications. */
export function readRefund(fields: Fields): Settled<RefundFact> {
  const status = requiredField(fields, 'transStatus');
  if (status === 'A') return { is: 'pending' };
  if (status === 'C') return refused('refund_not_allowed', status);
  if (status !== 'B') return ask('unlisted', status);
  return { is: 'succeeded', channel_refund_id: requiredField(fields, 'ourTransNo'), amount_fen: fenField(fields, 'transAmt') };
}
