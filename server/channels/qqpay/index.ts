import { defineChannel } from '../define.ts';
import { onlyCodes, onlyOrders } from '../meaning.ts';
import { checkConfig, config, identity, receiver } from './config.ts';
import { notification } from './notifications.ts';
import { chargeCode, closeOrder, prepay, queryOrder, reverseOrder } from './orders.ts';
import { queryRefund, requestRefund } from './refunds.ts';

/** QQ Wallet QQ 钱包: XML in the manner of older Tencent interfaces. */
export const qqpay = defineChannel({
  code: 'qqpay',
  name: { en: 'QQ Wallet', zh: 'QQ 钱包' },
  experimental: {
    en: "Never tried against QQ's gateway. Unconfirmed: its error codes (none is taken as final), states beyond SUCCESS and USERPAYING, the form of the operator's password, how long notifications are repeated, the layout of bills, which application an app names through a provider (the sub-merchant's where it has one); orders of more than 30 days are not found by our number.",
    zh: '未在真实网关验证。未确认：错误码（均不作为最终结果）、SUCCESS 与 USERPAYING 之外的状态、操作员密码形式、通知重试时间表、对账单格式、服务商模式下 APP 使用哪个应用（有子商户应用则用之）；30 天以上的订单无法用商户订单号查询。',
  },
  config,
  checkConfig,
  identity,
  receiver,
  pay: {
    qq_qr: prepay('qq_qr'),
    qq_jsapi: prepay('qq_jsapi'),
    qq_mini: prepay('qq_mini'),
    qq_app: prepay('qq_app'),
    qq_barcode: chargeCode,
  },
  query: queryOrder,
  close: onlyOrders(closeOrder),
  reverse: onlyCodes(reverseOrder),
  refund: requestRefund,
  refundQuery: queryRefund,
  notification,
});
