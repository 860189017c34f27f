import { defineChannel } from '../define.ts';
import { fundBill, tradeBill } from './bill.ts';
import { checkConfig, config, identity, receiver } from './config.ts';
import { identify } from './identify.ts';
import { notification } from './notification.ts';
import { pay } from './pay.ts';
import { refund, refundQuery } from './refund.ts';
import { close, query, reverse } from './trade.ts';
import { fetchTrust, probe } from './trust.ts';

/** Alipay's certificates last five years and are named in every answer, so a renewal is noticed without asking; a day keeps a fetched one fresh. */
const trust_refresh_ms = 24 * 3_600_000;

/**
 * 支付宝 OpenAPI (gateway.do, RSA2), for merchants of their own and for service providers that act for authorised merchants.
 * @see https://opendocs.alipay.com/open/270/105898
 */
export const alipay = defineChannel({
  code: 'alipay',
  name: { en: 'Alipay', zh: '支付宝' },
  config,
  checkConfig,
  identity,
  receiver,
  pay,
  query,
  close,
  reverse,
  // Cancel takes a number that no trade has yet: a code that nobody has scanned, a cashier page that nobody has opened.
  bar: reverse,
  refund,
  refundQuery,
  notification,
  bills: { trade: tradeBill, fund: fundBill },
  identify: { alipay_jsapi: identify },
  trust: { fetch: fetchTrust, refresh_ms: trust_refresh_ms, probe },
});
