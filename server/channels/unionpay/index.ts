import { defineChannel } from '../define.ts';
import { tradeBill } from './bill.ts';
import { checkConfig, config, identity, receiver } from './config.ts';
import { notification } from './notification.ts';
import { pay } from './pay.ts';
import { refund, refundQuery } from './refund.ts';
import { query, reverse } from './trade.ts';

/**
 * 银联全渠道 (ACP) 5.1.0: gateway pages, the app's number, QR codes both ways. It has no close: an order ends at its `payTimeout`.
 * @see https://open.unionpay.com
 */
export const unionpay = defineChannel({
  code: 'unionpay',
  name: { en: 'UnionPay', zh: '银联' },
  config,
  checkConfig,
  identity,
  receiver,
  pay,
  query,
  reverse,
  refund,
  refundQuery,
  notification,
  bills: { trade: tradeBill },
});
