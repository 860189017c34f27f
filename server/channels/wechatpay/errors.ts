import type { RefusalReason } from '@heliu/contract';
import type { Ask } from '../define.ts';

/**
 * What an error code means for the order or refund it was asked about.
 * `no`: final; nothing was done and nothing will be. `wait`: it is under way, or not there yet. `ask`: only a query can tell.
 * Codes are written without underscores, because old and new interfaces spell the same code both ways (`ORDERPAID`,
 * `ORDER_PAID`).
 */
export type Meaning =
  | { readonly final: 'no'; readonly reason: RefusalReason }
  | { readonly final: 'wait'; readonly state: 'paying' | 'not_found' | 'closed' | 'not_closable' | 'no_bill' | 'bill_not_ready' }
  | { readonly final: 'ask'; readonly why: Ask['why'] };

export type Call = 'prepay' | 'micropay' | 'query' | 'close' | 'reverse' | 'refund' | 'refund_query' | 'bill';

const no = (reason: RefusalReason): Meaning => ({ final: 'no', reason });
const wait = (state: Extract<Meaning, { final: 'wait' }>['state']): Meaning => ({ final: 'wait', state });
const ask = (why: Ask['why']): Meaning => ({ final: 'ask', why });

type Table = Readonly<Record<string, Meaning>>;

/** The gateway is busy or says "slowly": the call may or may not have worked. All spellings in use. */
const busy: Table = {
  SYSTEMERROR: ask('server_error'),
  BANKERROR: ask('server_error'),
  SERVICEUNAVAILABLE: ask('server_error'),
  BIZERRNEEDRETRY: ask('server_error'),
  FREQUENCYLIMITED: ask('rate_limited'),
  FREQUENCYLIMITEXCEED: ask('rate_limited'),
  RATELIMITEXCEEDED: ask('rate_limited'),
  RATELIMITEXCEED: ask('rate_limited'),
  RATELIMITED: ask('rate_limited'),
};

/** The request was thrown out at the door, so it had no effect. On a query such an answer says nothing of the order. */
const rejected: Table = {
  SIGNERROR: no('configuration_error'),
  NOAUTH: no('method_not_enabled'),
  PARAMERROR: no('configuration_error'),
  INVALIDREQUEST: no('configuration_error'),
  APPIDMCHIDNOTMATCH: no('configuration_error'),
  APPIDNOTEXIST: no('configuration_error'),
  MCHNOTEXISTS: no('configuration_error'),
  MCHIDNOTEXIST: no('configuration_error'),
  LACKPARAMS: no('configuration_error'),
  XMLFORMATERROR: no('configuration_error'),
  REQUIREPOSTMETHOD: no('configuration_error'),
  POSTDATAEMPTY: no('configuration_error'),
  NOTUTF8: no('configuration_error'),
  CERTERROR: no('configuration_error'),
  REQUESTBLOCKED: no('merchant_restricted'),
};

/** @see https://pay.weixin.qq.com/doc/v3/merchant/4012791877 and the other prepay pages, section "错误码" */
const prepay: Table = {
  ...busy,
  ...rejected,
  ACCOUNTERROR: no('payer_account_restricted'),
  NOTENOUGH: no('insufficient_funds'),
  RULELIMIT: no('risk_refused'),
  TRADEERROR: no('other'),
  OPENIDMISMATCH: no('payer_mismatch'),
  ORDERCLOSED: no('order_closed'),
  OUTTRADENOUSED: no('order_no_used'),
  ORDERPAID: ask('unlisted'),
};

/** @see https://pay.weixin.qq.com/doc/v2/merchant/4011937160, section "错误码" */
const micropay: Table = {
  ...busy,
  ...rejected,
  USERPAYING: wait('paying'),
  AUTHCODEEXPIRE: no('payment_code_expired'),
  AUTHCODEERROR: no('payment_code_invalid'),
  AUTHCODEINVALID: no('payment_code_invalid'),
  NOTENOUGH: no('insufficient_funds'),
  NOTSUPORTCARD: no('payer_account_restricted'),
  BUYERMISMATCH: no('payer_mismatch'),
  TRADEERROR: no('other'),
  ORDERCLOSED: no('order_closed'),
  // The number is known there: what became of it is the query's to say, never this answer's.
  ORDERPAID: ask('unlisted'),
  ORDERREVERSED: ask('unlisted'),
  OUTTRADENOUSED: ask('unlisted'),
};

const query: Table = { ...busy, ORDERNOTEXIST: wait('not_found') };

/** @see https://pay.weixin.qq.com/doc/v3/merchant/4012791881 */
const close: Table = {
  ...busy,
  ...rejected,
  // INVALID_REQUEST is also how a paid order, or a payment code under way, refuses to close.
  INVALIDREQUEST: wait('not_closable'),
  ORDERPAID: wait('not_closable'),
  TRADEERROR: wait('not_closable'),
  ORDERCLOSED: wait('closed'),
  ORDERNOTEXIST: wait('not_found'),
};

/** @see https://pay.weixin.qq.com/doc/v2/merchant/4011937175 */
const reverse: Table = {
  ...busy,
  ...rejected,
  REVERSEEXPIRE: no('refund_window_closed'),
  INVALIDTRANSACTIONID: no('configuration_error'),
  TRADEERROR: ask('unlisted'),
  ORDERNOTEXIST: wait('not_found'),
};

/** @see https://pay.weixin.qq.com/doc/v3/merchant/4012791883 */
const refund: Table = {
  ...busy,
  ...rejected,
  INVALIDREQUEST: no('refund_not_allowed'),
  NOAUTH: no('refund_not_allowed'),
  NOTENOUGH: no('merchant_balance_insufficient'),
  USERACCOUNTABNORMAL: no('refund_not_allowed'),
  TRADEOVERDUE: no('refund_window_closed'),
  REFUNDFEEMISMATCH: no('refund_amount_refused'),
  INVALIDREQTOOMUCH: ask('rate_limited'),
  // Also seen right after a payment, before the order is everywhere: the same request may still be accepted.
  RESOURCENOTEXISTS: wait('not_found'),
  ORDERNOTEXIST: wait('not_found'),
};

const refund_query: Table = { ...busy, RESOURCENOTEXISTS: wait('not_found'), REFUNDNOTEXIST: wait('not_found') };

/** @see https://pay.weixin.qq.com/doc/v3/merchant/4013071226, section "错误码" */
const bill: Table = {
  ...busy,
  ...rejected,
  NOSTATEMENTEXIST: wait('no_bill'),
  STATEMENTCREATING: wait('bill_not_ready'),
};

/** Every listed code of every call. A code that is not here is never final. */
export const meanings: Readonly<Record<Call, Table>> = { prepay, micropay, query, close, reverse, refund, refund_query, bill };

const unlisted = ask('unlisted');

/** The meaning of a code as the gateway writes it. */
export function meaningOf(call: Call, code: string): Meaning {
  const table = meanings[call];
  const name = code.replaceAll('_', '').toUpperCase();
  return Object.hasOwn(table, name) ? (table[name] ?? unlisted) : unlisted;
}
