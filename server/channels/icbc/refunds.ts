import { fenToNumber } from '../../kernel/money.ts';
import type { RefundFact } from '../../kernel/outcome.ts';
import type { Operation, RefundInput, Settled } from '../define.ts';
import { ask, refundFailure, refused } from '../meaning.ts';
import type { Config } from './config.ts';
import { fenOf } from './orders.ts';
import { type Family, familyOf, statesOf } from './states.ts';
import { type Biz, read, required, signedRequest, textOf, verifyAnswer } from './wire.ts';

/** Refunds. Accepted is not done; what became of a lost answer is asked about, never sent again by itself. */
export const refund: Operation<Config, RefundInput, RefundFact> = {
  retry: 'never',
  request: (input, account, env) => {
    const { app_id, mer_prtcl_no } = account.config;
    const out_trade_no = input.channel_order_no;
    const amount = String(fenToNumber(input.amount_fen));
    if (familyOf(input.method) === 'qr')
      return signedRequest(account, env, '/api/qrcode/V2/reject', { out_trade_no, reject_no: input.channel_refund_no, reject_amt: amount });
    return signedRequest(account, env, '/api/cardbusiness/aggregatepay/b2c/online/merrefund/V1', {
      out_trade_no,
      outtrx_serial_no: input.channel_refund_no,
      ret_total_amt: amount,
      trnsc_ccy: '001',
      icbc_appid: app_id,
      mer_prtcl_no,
    });
  },
  verify: verifyAnswer,
  outcome: (answer, input, account) => {
    const { biz, failure } = read(answer, account);
    if (failure) return refundFailure(failure);
    const { number, id } = names[familyOf(input.method)];
    if ((textOf(biz, number) ?? input.channel_refund_no) !== input.channel_refund_no) return ask('unreadable', 'the answer is about another refund');
    return { is: 'pending', ...named(biz, id) };
  },
};

/** Names of a refund's fields in each family: our number, the bank's, and its state. */
const names = {
  qr: { number: 'reject_no', id: 'icbc_reject_sq', state: 'reject_status' },
  online: { number: 'outtrx_serial_no', id: 'intrx_serial_no', state: 'pay_status' },
} as const;

function named(biz: Biz, id: string): { readonly channel_refund_id?: string } {
  const channel_refund_id = textOf(biz, id);
  return channel_refund_id === undefined ? {} : { channel_refund_id };
}

export const refundQuery: Operation<Config, RefundInput, RefundFact> = {
  retry: 'same_key',
  request: (input, account, env) => {
    const out_trade_no = input.channel_order_no;
    if (familyOf(input.method) === 'qr')
      return signedRequest(account, env, '/api/qrcode/reject/query/V3', { out_trade_no, reject_no: input.channel_refund_no });
    const online = { out_trade_no, outtrx_serial_no: input.channel_refund_no, mer_prtcl_no: account.config.mer_prtcl_no };
    return signedRequest(account, env, '/api/cardbusiness/aggregatepay/b2c/online/refundqry/V1', online);
  },
  verify: verifyAnswer,
  outcome: (answer, input, account) => {
    const { biz, failure } = read(answer, account);
    if (failure) return refundFailure(failure);
    const family = familyOf(input.method);
    const found = family === 'qr' ? inList(required(biz, 'refund_json_list'), input.channel_refund_no) : biz;
    // The list holds every refund of the order, so one that is not in it does not exist.
    if (found === undefined) return { is: 'not_found' };
    if (required(found, names[family].number) !== input.channel_refund_no) return ask('unreadable', 'the answer is about another refund');
    return stateOf(found, family, account.config);
  },
};

function inList(text: string, channel_refund_no: string): Biz | undefined {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list) || !list.every((each) => typeof each === 'object' && each !== null)) throw new Error('refund_json_list is no list');
  return (list as readonly Biz[]).find((each) => each.reject_no === channel_refund_no);
}

function stateOf(biz: Biz, family: Family, config: Config): Settled<RefundFact> {
  const { id, state } = names[family];
  const code = required(biz, state);
  switch (statesOf(config[`${family}_refund_states`] ?? '').get(code)) {
    case 'done':
      return { is: 'succeeded', amount_fen: fenOf(biz, 'reject_amt'), ...named(biz, id) };
    case 'waiting':
      return { is: 'pending', ...named(biz, id) };
    case 'failed':
    case 'closed':
      return refused('refund_not_allowed', code, textOf(biz, 'return_msg'));
    default:
      return ask('unlisted', `${state} ${code.slice(0, 8)}`);
  }
}
