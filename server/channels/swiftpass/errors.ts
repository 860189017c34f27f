import { asks, type Meaning, meaningIn, no, type Table, wait } from '../meaning.ts';

/**
 * The gateway passes on `err_code` of the wallet that was asked, so the names are the wallets' own; banks add numbers that
 * nobody has published. Only these are read, each from the page of the wallet that defines it.
 */
export type Call = 'prepay' | 'micropay' | 'query' | 'close' | 'reverse' | 'refund' | 'refund_query';

const busy: Table = {
  SYSTEMERROR: asks('server_error'),
  BANKERROR: asks('server_error'),
  'ACQ.SYSTEM_ERROR': asks('server_error'),
  FREQUENCY_LIMITED: asks('rate_limited'),
};

/** Thrown out at the door, so without effect. @see https://pay.weixin.qq.com/doc/v2/merchant/4011937160 */
const rejected: Table = {
  // Seen from a bank: 此商家涉嫌违规，收款功能已被限制 (yansongda/pay, tests of the UnionPay QRA gateway).
  NOAUTH: no('merchant_restricted'),
};

/**
 * Why a payment code was not charged. It is final only together with `need_query` N, which the caller looks at first.
 * @see https://pay.weixin.qq.com/doc/v2/merchant/4011937160
 * @see https://opendocs.alipay.com/open/194/106039
 */
const micropay: Table = {
  ...busy,
  ...rejected,
  USERPAYING: wait('paying'),
  AUTHCODEEXPIRE: no('payment_code_expired'),
  AUTH_CODE_ERROR: no('payment_code_invalid'),
  AUTH_CODE_INVALID: no('payment_code_invalid'),
  NOTENOUGH: no('insufficient_funds'),
  NOTSUPORTCARD: no('payer_account_restricted'),
  BUYER_MISMATCH: no('payer_mismatch'),
  'ACQ.PAYMENT_AUTH_CODE_INVALID': no('payment_code_invalid'),
  'ACQ.BUYER_BALANCE_NOT_ENOUGH': no('insufficient_funds'),
  'ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH': no('insufficient_funds'),
};

const prepay: Table = { ...busy, ...rejected };

const unknown_order: Table = { ORDERNOTEXIST: wait('not_found'), 'ACQ.TRADE_NOT_EXIST': wait('not_found') };

/** A close or reverse is refused for a paid order with these; a query says what it is. */
const close: Table = { ...busy, ...unknown_order, ORDERPAID: wait('not_closable'), ORDERCLOSED: wait('closed') };

/** @see https://pay.weixin.qq.com/doc/v2/merchant/4011937175 */
const reverse: Table = { ...busy, ...unknown_order, REVERSE_EXPIRE: no('refund_window_closed') };

/** Refusals of a refund are not listed by any bank, so none is final: the same number is asked about until it is through. */
const refund: Table = { ...busy, ...unknown_order };

const tables: Readonly<Record<Call, Table>> = {
  prepay,
  micropay,
  query: { ...busy, ...unknown_order },
  close,
  reverse,
  refund,
  refund_query: { ...busy, REFUNDNOTEXIST: wait('not_found'), ...unknown_order },
};

export const meaningOf = (call: Call, code: string): Meaning => meaningIn(tables[call], code);
