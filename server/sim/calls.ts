/** What requests to the gateways ask for, as whoever stands between sees it. `wanted` is the query and the body. */

const asks = (wanted: string, api: string): boolean => new RegExp(`[?&]method=alipay\\.trade\\.${api}(&|$)`).test(wanted);
const numberIn = (wanted: string): string | undefined => /out_trade_no\W{1,12}([0-9A-Z]{32})/.exec(decodeURIComponent(wanted))?.[1];

/** The number of a refund that is asked for, not of one that is asked about. */
export function refundedBy(path: string, wanted: string): string | undefined {
  if (!path.endsWith('/v3/refund/domestic/refunds') && !asks(wanted, 'refund')) return undefined;
  return /out_(?:refund_no|request_no)\W{1,12}([0-9A-Z]{32})/.exec(decodeURIComponent(wanted))?.[1];
}

/** The order that a request asks about. */
export function queriedBy(path: string, wanted: string): string | undefined {
  const named = /\/out-trade-no\/([0-9A-Z]{32})$/.exec(path)?.[1];
  return named ?? (path.endsWith('/pay/orderquery') || asks(wanted, 'query') ? numberIn(wanted) : undefined);
}

/** The order that a request closes or reverses. */
export function undoneBy(path: string, wanted: string): { readonly order_no: string; readonly by: 'close' | 'reverse' } | undefined {
  const closed = /\/out-trade-no\/([0-9A-Z]{32})\/close$/.exec(path)?.[1];
  if (closed !== undefined) return { order_no: closed, by: 'close' };
  const reverses = path.endsWith('/reverse') || asks(wanted, 'cancel');
  if (!reverses && !asks(wanted, 'close')) return undefined;
  const order_no = numberIn(wanted);
  return order_no === undefined ? undefined : { order_no, by: reverses ? 'reverse' : 'close' };
}

/** The order whose payment code a request charges. */
export const chargedBy = (path: string, wanted: string): string | undefined =>
  path.endsWith('/pay/micropay') || asks(wanted, 'pay') ? numberIn(wanted) : undefined;
