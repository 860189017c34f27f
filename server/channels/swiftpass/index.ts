import { defineChannel } from '../define.ts';
import { onlyCodes, onlyOrders } from '../meaning.ts';
import { tradeBill } from './bill.ts';
import { checkConfig, config, identity, receiver } from './config.ts';
import { notification } from './notifications.ts';
import { chargeCode, closeOrder, prepay, queryOrder, reverseOrder } from './orders.ts';
import { queryRefund, requestRefund } from './refunds.ts';

/** The gateway that SwiftPass 威富通 runs for many banks: one account serves several wallets. */
export const swiftpass = defineChannel({
  code: 'swiftpass',
  name: { en: 'SwiftPass bank gateway', zh: '威富通银行聚合' },
  experimental: {
    en: "Never tried against a bank's gateway. Unconfirmed: error codes per bank, states of a refund beyond SUCCESS and PROCESSING, how long notifications are repeated, refund windows, the charset of bills.",
    zh: '未在银行真实网关验证。未确认：各银行错误码、退款状态（SUCCESS 与 PROCESSING 之外）、通知重试时间表、退款期限、对账单字符集。',
  },
  config,
  checkConfig,
  identity,
  receiver,
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
    qq_barcode: chargeCode,
    jd_barcode: chargeCode,
    bestpay_barcode: chargeCode,
  },
  query: queryOrder,
  close: onlyOrders(closeOrder),
  reverse: onlyCodes(reverseOrder),
  refund: requestRefund,
  refundQuery: queryRefund,
  notification,
  bills: { trade: tradeBill },
});
