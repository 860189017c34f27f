import { defineChannel } from '../define.ts';
import { onlyCodes, onlyOrders } from '../meaning.ts';
import { checkConfig, config, identity, receiver } from './config.ts';
import { notification } from './notifications.ts';
import { cancelOrder, closeOrder, pay, query } from './orders.ts';
import { refund, refundQuery } from './refunds.ts';

/** 招商银行 聚合支付 polypay v1.0, signed with SM2 and SM3. @see https://openhome.cmbchina.com */
export const cmb = defineChannel({
  code: 'cmb',
  name: { en: 'China Merchants Bank', zh: '招商银行聚合支付' },
  experimental: {
    en: "Never tried against the bank's gateway. Unconfirmed: its error codes (none is taken as final, and that an order does not exist is a setting), the answer of payment codes and of cancel, limits of texts, refund limits, how long notifications are repeated, bills; answers whose biz_content is an object are not believed.",
    zh: '未在真实网关验证。未确认：错误码（均不作为最终结果，「订单不存在」的码由设置给出）、付款码与撤销的应答、文本长度、退款期限、通知重试时间表、对账单；biz_content 为对象的应答不予采信。',
  },
  config,
  checkConfig,
  identity,
  receiver,
  pay,
  query,
  close: onlyOrders(closeOrder),
  reverse: onlyCodes(cancelOrder),
  refund,
  refundQuery,
  notification,
});
