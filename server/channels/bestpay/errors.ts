import { asks, type Meaning, meaningIn, no, type Table, wait } from '../meaning.ts';

/** Codes of the manual 付款码收银 MAPI V2.8, chapters on errors. Its errors carry no signature: none that ends anything is believed unless the account says so. */
export type Call = 'pay' | 'query' | 'reverse' | 'refund';

const common: Table = {
  // Busy: the manual says to query.
  BE999999: asks('server_error'),
};

const rejected: Table = {
  BE199999: no('configuration_error'),
  BE300001: no('configuration_error'),
  '-301': no('configuration_error'),
  '1002': no('configuration_error'),
};

const pay: Table = {
  ...common,
  ...rejected,
  BARCODE_VALIDATE_ERROR: no('payment_code_invalid'),
  BARCODE_STORE_CODE_IS_EMPTY: no('configuration_error'),
  '-302': no('configuration_error'),
  '-304': no('method_not_enabled'),
  '849': no('payer_account_restricted'),
  '5146': no('payer_account_restricted'),
  '4008': no('payer_account_restricted'),
};

const unknown_order: Table = { BE110062: wait('not_found'), BE110078: wait('not_found') };

/** What a query was thrown out for says nothing of the order. */
const query: Table = { ...common, ...unknown_order };

const undo: Table = {
  ...common,
  ...rejected,
  '-309': no('configuration_error'),
  BE300000: no('configuration_error'),
  BE300006: no('method_not_enabled'),
  BE300007: no('method_not_enabled'),
  BE300013: no('configuration_error'),
};

/** BE301014: not an order of today. BE301011: it is refunded or reversed already. */
const reverse: Table = { ...undo, ...unknown_order, BE301014: no('refund_window_closed'), BE301011: wait('closed') };

/** BE301011 may be the answer to our own first request, and BE301009 come before the payment is everywhere: both are asked about. */
const refund: Table = { ...undo, ...unknown_order, BE300018: no('refund_not_allowed'), BE301001: no('refund_amount_refused'), BE301010: wait('paying') };

const tables: Readonly<Record<Call, Table>> = { pay, query, reverse, refund };

export const meaningOf = (call: Call, code: string): Meaning => meaningIn(tables[call], code);
