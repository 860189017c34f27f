import { defineChannel } from '../define.ts';
import { onlyCodes } from '../meaning.ts';
import { checkConfig, config, identity, receiver } from './config.ts';
import { notification } from './notifications.ts';
import { pay, query, reverseOrder } from './orders.ts';
import { refund, refundQuery } from './refunds.ts';

/** 工商银行 聚合支付: codes both ways, and payments in pages of WeChat and Alipay. @see https://open.icbc.com.cn */
export const icbc = defineChannel({
  code: 'icbc',
  name: { en: 'ICBC', zh: '工商银行聚合支付' },
  experimental: {
    en: "Never tried against the bank's gateway. Unconfirmed: what its states and codes mean (states are settings without a default, no code is a final no), what a notification holds beyond its signature, limits of texts and of refunds, how long notifications are repeated, bills. Orders end by their time alone; e支付, 聚富通, the encryption of contents and the UnionPay app are not built.",
    zh: '未在真实网关验证。未确认：状态与返回码的含义（状态由设置给出且无默认值，返回码均不作为最终结果）、通知的业务字段、文本长度与退款期限、通知重试时间表、对账单。订单只随时间结束；未做 e 支付、聚富通、报文加密与云闪付线上。',
  },
  config,
  checkConfig,
  identity,
  receiver,
  pay,
  query,
  reverse: onlyCodes(reverseOrder),
  refund,
  refundQuery,
  notification,
});
