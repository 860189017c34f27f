import { fenToNumber } from '../../kernel/money.ts';
import type { RefundFact } from '../../kernel/outcome.ts';
import type { Operation, RefundInput, Settled } from '../define.ts';
import type { Fields } from '../flat-xml.ts';
import { ask, fenField, refundFailure, refusedHere, requiredField } from '../meaning.ts';
import type { Config } from './config.ts';
import { failureOf, signedRequest, verifyMessage } from './wire.ts';

/** Refunds. A failed one is asked for again with the same number, as QQ's page demands. There is no notification. */
export const requestRefund: Operation<Config, RefundInput, RefundFact> = {
  retry: 'same_key',
  request(input, account, env) {
    const { op_user_id, op_user_passwd, mch_id } = account.config;
    if (op_user_passwd === undefined) return refusedHere('configuration_error', 'HELIU_OPERATOR_MISSING', 'refunds need an operator and its password');
    const fields = {
      out_trade_no: input.channel_order_no,
      out_refund_no: input.channel_refund_no,
      refund_fee: String(fenToNumber(input.amount_fen)),
      op_user_id: op_user_id ?? mch_id,
      op_user_passwd: op_user_passwd.expose(),
    };
    return signedRequest(account, env, { path: 'qpay_refund.cgi', fields, secure: true });
  },
  verify: verifyMessage,
  outcome(answer, input) {
    const { fields, failure } = failureOf('refund', answer);
    if (failure) return refundFailure(failure);
    if (requiredField(fields, 'out_refund_no') !== input.channel_refund_no) return ask('unreadable', 'the answer is about another refund');
    return { is: 'pending', channel_refund_id: requiredField(fields, 'refund_id') };
  },
};

/** By our number, which is the first of the list then. */
export const queryRefund: Operation<Config, RefundInput, RefundFact> = {
  retry: 'same_key',
  request: (input, account, env) => signedRequest(account, env, { path: 'qpay_refund_query.cgi', fields: { out_refund_no: input.channel_refund_no } }),
  verify: verifyMessage,
  outcome(answer, input) {
    const { fields, failure } = failureOf('refund_query', answer);
    return failure ? refundFailure(failure) : readRefund(fields, input);
  },
};

function readRefund(fields: Fields, { channel_refund_no }: RefundInput): Settled<RefundFact> {
  if (requiredField(fields, 'out_refund_no_0') !== channel_refund_no) return ask('unreadable', 'the answer is about another refund');
  const status = requiredField(fields, 'refund_status_0');
  const channel_refund_id = requiredField(fields, 'refund_id_0');
  if (status === 'SUCCESS') return { is: 'succeeded', channel_refund_id, amount_fen: fenField(fields, 'refund_fee_0') };
  return status === 'PROCESSING' ? { is: 'pending', channel_refund_id } : ask('unlisted', status);
}
