import { defineChannel } from '../define.ts';
import { onlyCodes, onlyOrders } from '../meaning.ts';
import { shortNo } from '../short-no.ts';
import { checkConfig, config, identity, receiver } from './config.ts';
import { notification } from './notifications.ts';
import { chargeCode, closeOrder, prepay, queryOrder, reverseOrder } from './orders.ts';
import { queryRefund, requestRefund } from './refunds.ts';

/** Fuiou 富友: its scan-to-pay gateway, several wallets on one merchant number. */
export const fuiou = defineChannel({
  code: 'fuiou',
  name: { en: 'Fuiou', zh: '富友' },
  experimental: {
    en: "Never tried against Fuiou's gateway. Unconfirmed: its codes (none but those of a password being typed is read, and that an order does not exist is a setting), how a number that was used is answered, how often notifications come, the bill; orders older than three days are not found by the query that is used, nor refunded after thirty.",
    zh: '未在真实网关验证。未确认：返回码（只识别输密码中的代码，「订单不存在」由设置给出）、重复单号的应答、通知次数、对账单；所用查询只覆盖 3 天内的订单，退款只覆盖 30 天。',
  },
  config,
  checkConfig,
  identity,
  receiver,
  shortNo,
  pay: {
    wechat_qr: prepay('wechat_qr'),
    wechat_jsapi: prepay('wechat_jsapi'),
    wechat_mini: prepay('wechat_mini'),
    wechat_barcode: chargeCode,
    alipay_qr: prepay('alipay_qr'),
    alipay_jsapi: prepay('alipay_jsapi'),
    alipay_barcode: chargeCode,
    unionpay_qr: prepay('unionpay_qr'),
    unionpay_barcode: chargeCode,
    bestpay_barcode: chargeCode,
    ecny_qr: prepay('ecny_qr'),
    ecny_barcode: chargeCode,
  },
  query: queryOrder,
  close: onlyOrders(closeOrder),
  reverse: onlyCodes(reverseOrder),
  refund: requestRefund,
  refundQuery: queryRefund,
  notification,
});
