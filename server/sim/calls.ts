import type { Asked } from '../channels/kit/simulator.ts';

/** What requests to the gateways of the two wallets ask for, as whoever stands between sees it. `wanted` is the query and the body. */

const asks = (wanted: string, api: string): boolean => new RegExp(`[?&]method=alipay\\.trade\\.${api}(&|$)`).test(wanted);
const numberIn = (wanted: string): string | undefined => /out_trade_no\W{1,12}([0-9A-Z]{32})/.exec(decodeURIComponent(wanted))?.[1];

export function readWallet(path: string, wanted: string): Asked | undefined {
  const refund_no = refundedBy(path, wanted);
  if (refund_no !== undefined) return { does: 'refund', refund_no };
  const queried = queriedBy(path, wanted);
  if (queried !== undefined) return { does: 'query', order_no: queried };
  const undone = undoneBy(path, wanted);
  if (undone) return undone;
  const charged = path.endsWith('/pay/micropay') || asks(wanted, 'pay') ? numberIn(wanted) : undefined;
  return charged === undefined ? undefined : { does: 'pay', order_no: charged, charges: true };
}

/** The number of a refund that is asked for, not of one that is asked about. */
function refundedBy(path: string, wanted: string): string | undefined {
  if (!path.endsWith('/v3/refund/domestic/refunds') && !asks(wanted, 'refund')) return undefined;
  return /out_(?:refund_no|request_no)\W{1,12}([0-9A-Z]{32})/.exec(decodeURIComponent(wanted))?.[1];
}

/** The order that a request asks about. */
function queriedBy(path: string, wanted: string): string | undefined {
  const named = /\/out-trade-no\/([0-9A-Z]{32})$/.exec(path)?.[1];
  return named ?? (path.endsWith('/pay/orderquery') || asks(wanted, 'query') ? numberIn(wanted) : undefined);
}

/** The order that a request closes or reverses. */
function undoneBy(path: string, wanted: string): Asked | undefined {
  const closed = /\/out-trade-no\/([0-9A-Z]{32})\/close$/.exec(path)?.[1];
  if (closed !== undefined) return { does: 'close', order_no: closed };
  const reverses = path.endsWith('/reverse') || asks(wanted, 'cancel');
  if (!reverses && !asks(wanted, 'close')) return undefined;
  const order_no = numberIn(wanted);
  return order_no === undefined ? undefined : { does: reverses ? 'reverse' : 'close', order_no };
}
