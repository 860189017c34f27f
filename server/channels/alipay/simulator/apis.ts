import type { Faults } from '../../kit/faults.ts';
import type { Authority } from './authority.ts';
import type { Bills } from './bills.ts';
import { type Content, ContentError, text } from './content.ts';
import { businessFailure, type Outcome, success } from './outcome.ts';
import type { Refunds } from './refunds.ts';
import { type Caller, notExist, type Trades } from './trades.ts';

/** One API: the name by which faults mean it, and what it does. */
type Api = { readonly on: string; readonly run: (caller: Caller, content: Content) => Outcome | Promise<Outcome> };

/** The server-to-server APIs by their v2 name. The page APIs are the cashier's. */
export function createApis(trades: Trades, refunds: Refunds, authority: Authority, faults: Faults, bills: Bills): ReadonlyMap<string, Api> {
  const lags = (on: string, run: Api['run']): Api['run'] => {
    return (caller, content) => (faults.take(on, ['not_found_lag']) ? notExist(content) : run(caller, content));
  };
  return new Map<string, Api>([
    ['alipay.trade.pay', { on: 'pay', run: trades.pay }],
    ['alipay.trade.precreate', { on: 'pay', run: trades.precreate }],
    ['alipay.trade.create', { on: 'pay', run: trades.create }],
    [
      'alipay.trade.query',
      { on: 'query', run: lags('query', (caller, content) => trades.query(caller, content, faults.take('query', ['query_behind']) !== undefined)) },
    ],
    ['alipay.trade.close', { on: 'close', run: trades.close }],
    ['alipay.trade.cancel', { on: 'reverse', run: refunds.cancel }],
    ['alipay.trade.refund', { on: 'refund', run: (caller, content) => refunds.refund(caller, content, faults.take('refund', ['refund_fails']) !== undefined) }],
    ['alipay.trade.fastpay.refund.query', { on: 'refund_query', run: lags('refund_query', refunds.refundQuery) }],
    ['alipay.data.dataservice.bill.downloadurl.query', { on: 'bill', run: bills.link }],
    ['alipay.open.app.alipaycert.download', { on: 'trust', run: (_caller, content) => downloadCertificate(authority, content) }],
  ]);
}

async function downloadCertificate(authority: Authority, content: Content): Promise<Outcome> {
  const chain = await authority.chainOf(text(content, 'alipay_cert_sn', 32));
  if (chain === undefined) return businessFailure('CERT_NOT_EXIST');
  return success({ alipay_cert_content: Buffer.from(chain).toString('base64') });
}

/** A content that does not hold what it must is answered with the name of the field. */
export async function runApi(api: Api, caller: Caller, content: Content): Promise<Outcome> {
  try {
    return await api.run(caller, content);
  } catch (error) {
    if (error instanceof ContentError) return error.outcome;
    throw error;
  }
}
