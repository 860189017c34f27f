import type { Call } from './wire.ts';

/** The paths of APIv3 that the simulator has. */
export type Handler =
  | 'prepay'
  | 'query_by_number'
  | 'query_by_transaction'
  | 'close'
  | 'refund'
  | 'query_refund'
  | 'trade_bill'
  | 'fund_bill'
  | 'download_bill'
  | 'certificates';
type Route = { readonly method: 'GET' | 'POST'; readonly pattern: RegExp; readonly handler: Handler; readonly call: Call['name'] };

const transactions = '/v3/pay/(?:(?<partner>partner)/)?transactions';

export const routes: readonly Route[] = [
  { method: 'POST', pattern: new RegExp(`^${transactions}/(?<product>native|jsapi|app|h5)$`), handler: 'prepay', call: 'pay' },
  { method: 'POST', pattern: /^\/v3\/pay\/(?<partner>partner)\/transactions\/(?<product>miniprogram)$/, handler: 'prepay', call: 'pay' },
  { method: 'GET', pattern: new RegExp(`^${transactions}/out-trade-no/(?<out_trade_no>[^/]+)$`), handler: 'query_by_number', call: 'query' },
  { method: 'GET', pattern: new RegExp(`^${transactions}/id/(?<transaction_id>[^/]+)$`), handler: 'query_by_transaction', call: 'query' },
  { method: 'POST', pattern: new RegExp(`^${transactions}/out-trade-no/(?<out_trade_no>[^/]+)/close$`), handler: 'close', call: 'close' },
  { method: 'POST', pattern: /^\/v3\/refund\/domestic\/refunds$/, handler: 'refund', call: 'refund' },
  { method: 'GET', pattern: /^\/v3\/refund\/domestic\/refunds\/(?<out_refund_no>[^/]+)$/, handler: 'query_refund', call: 'refund_query' },
  { method: 'GET', pattern: /^\/v3\/bill\/tradebill$/, handler: 'trade_bill', call: 'bill' },
  { method: 'GET', pattern: /^\/v3\/bill\/fundflowbill$/, handler: 'fund_bill', call: 'bill' },
  { method: 'GET', pattern: /^\/v3\/billdownload\/file$/, handler: 'download_bill', call: 'bill_file' },
  { method: 'GET', pattern: /^\/v3\/certificates$/, handler: 'certificates', call: 'certificates' },
];
