import { defineChannel } from '../define.ts';
import { onlyCodes, onlyOrders } from '../meaning.ts';
import { checkConfig, config, identity, receiver } from './config.ts';
import { notification } from './notifications.ts';
import { chargeCode, closeOrder, prepay, queryOrder, reverseOrder } from './orders.ts';
import { queryRefund, requestRefund } from './refunds.ts';

/** Lakala 拉卡拉: the labs interfaces of its open platform, several wallets on one merchant number. */
export const lakala = defineChannel({
  code: 'lakala',
  name: { en: 'Lakala', zh: '拉卡拉' },
  experimental: {
    en: "Never tried against Lakala's gateway. Unconfirmed: its codes (none but the three of work under way is read), the fields of a notification and of a charge's answer, whether an unpaid charge can be undone, the refund window, the bill.",
    zh: '未在真实网关验证。未确认：返回码（只识别三个处理中代码）、通知与付款码应答的字段、未支付的付款码订单能否撤销、退款期限、对账单。',
  },
  config,
  checkConfig,
  identity,
  receiver,
  pay: {
    wechat_jsapi: prepay('wechat_jsapi'),
    wechat_mini: prepay('wechat_mini'),
    wechat_barcode: chargeCode,
    alipay_qr: prepay('alipay_qr'),
    alipay_barcode: chargeCode,
    unionpay_qr: prepay('unionpay_qr'),
    unionpay_barcode: chargeCode,
    bestpay_barcode: chargeCode,
    ecny_barcode: chargeCode,
  },
  query: queryOrder,
  close: onlyOrders(closeOrder),
  reverse: onlyCodes(reverseOrder),
  refund: requestRefund,
  refundQuery: queryRefund,
  notification,
});
