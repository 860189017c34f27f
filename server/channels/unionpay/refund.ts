import type { RefundFact } from '../../kernel/outcome.ts';
import { addMs, bizDate } from '../../kernel/time.ts';
import type { Account, Operation, RefundInput, Settled } from '../define.ts';
import type { Config } from './config.ts';
import { duplicate_code, gone_back_code, isDone, isUnderWay, not_found_code, refund_codes } from './errors.ts';
import { amountOf, requestQuery } from './trade.ts';
import { asks, commonFields, isAccepted, post, readAnswer, refusalOf, required, txnTime, verifyAnswer } from './wire.ts';

const hour_ms = 3_600_000;

/** The clearing day ends at 23:00 of Beijing. */
export const clearingDay = (at: Date): string => bizDate(addMs(at, hour_ms));

/** 消费撤销 takes the whole amount on the clearing day of the payment; everything else is 退货. */
function txnTypeOf(input: RefundInput, { config }: Account<Config>): '31' | '04' {
  const is_whole = input.amount_fen === input.total_fen;
  const is_same_day = clearingDay(input.created_at) === clearingDay(input.order_created_at);
  return config.undo_same_day === true && is_whole && is_same_day ? '31' : '04';
}

const isQr = ({ method }: RefundInput): boolean => method === 'unionpay_qr' || method === 'unionpay_barcode';

/** 退货 or 消费撤销. Accepted is not done: a notification or a query tells. The same number and time is the same refund. */
export const refund: Operation<Config, RefundInput, RefundFact> = {
  retry: 'same_key',
  request: (input, account) => {
    const fields = {
      ...commonFields(account),
      txnType: txnTypeOf(input, account),
      txnSubType: '00',
      bizType: '000000',
      channelType: isQr(input) ? '08' : '07',
      orderId: input.channel_refund_no,
      txnTime: txnTime(input.created_at),
      origQryId: input.channel_transaction_id,
      txnAmt: String(input.amount_fen),
      backUrl: input.notify_url,
    };
    return post<RefundFact>('backTransReq', fields, account);
  },
  verify: verifyAnswer,
  outcome: (answer, input) => {
    const fields = readAnswer(answer, input.channel_refund_no);
    const code = required(fields, 'respCode');
    const id = fields.get('queryId');
    if (isAccepted(fields)) return { is: 'pending', ...(id === undefined ? {} : { channel_refund_id: id }) };
    if (code === gone_back_code) return asks(code);
    return code === duplicate_code || isUnderWay(code) ? { is: 'pending' } : refusalOf(code, fields.get('respMsg'), refund_codes);
  },
};

function stateOf(fields: ReturnType<typeof readAnswer>): Settled<RefundFact> {
  const code = required(fields, 'respCode');
  if (code === not_found_code) return { is: 'not_found' };
  if (!isAccepted(fields)) return asks(code);
  if (!['04', '31'].includes(required(fields, 'txnType'))) throw new Error('the answer is about another kind of transaction');
  const state = required(fields, 'origRespCode');
  const id = fields.get('queryId');
  if (isDone(state)) return { is: 'succeeded', amount_fen: amountOf(fields), ...(id === undefined ? {} : { channel_refund_id: id }) };
  return isUnderWay(state) ? { is: 'pending' } : refusalOf(state, fields.get('origRespMsg'), refund_codes);
}

export const refundQuery: Operation<Config, RefundInput, RefundFact> = {
  retry: 'same_key',
  request: (input, account) => requestQuery<RefundFact>(input.channel_refund_no, input.created_at, account),
  verify: verifyAnswer,
  outcome: (answer, input) => stateOf(readAnswer(answer, input.channel_refund_no)),
};
