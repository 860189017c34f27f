import { asks, type Meaning, meaningIn, type Table, wait } from '../meaning.ts';

/**
 * QQ's own list of codes is not published where it can be read, so none is final. Those that its pages name in their text
 * are read, and those of the family of interfaces that only say how an order stands.
 * @see https://mp.qpay.tenpay.cn/buss/wiki/1/1122
 * @see https://mp.qpay.tenpay.com/buss/wiki/1/1124
 */
export type Call = 'pay' | 'query' | 'close' | 'reverse' | 'refund' | 'refund_query';

const common: Table = { SYSTEMERROR: asks('server_error'), FREQUENCY_LIMITED: asks('rate_limited') };
const unknown_order: Table = { ORDERNOTEXIST: wait('not_found') };

const tables: Readonly<Record<Call, Table>> = {
  pay: { ...common, USERPAYING: wait('paying') },
  query: { ...common, ...unknown_order },
  close: { ...common, ...unknown_order, ORDERPAID: wait('not_closable') },
  reverse: { ...common, ...unknown_order },
  refund: { ...common, ...unknown_order },
  refund_query: { ...common, REFUNDNOTEXIST: wait('not_found') },
};

export const meaningOf = (call: Call, code: string): Meaning => meaningIn(tables[call], code);
