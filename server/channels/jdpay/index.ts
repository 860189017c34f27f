import { defineChannel } from '../define.ts';
import { checkConfig, config, identity, receiver } from './config.ts';
import { notification } from './notifications.ts';
import { appOrder, chargeCode, page, queryOrder, reverseOrder } from './orders.ts';
import { queryRefund, requestRefund } from './refunds.ts';

/** JD Pay 京东支付 V2.0. Orders made beforehand end by their time alone. */
export const jdpay = defineChannel({
  code: 'jdpay',
  name: { en: 'JD Pay', zh: '京东支付' },
  experimental: {
    en: "Never tried against JD's gateway. Unconfirmed: its codes (none is final), the states (read from a public integration; 3, failed, is asked about), the answer to a notification (a setting), its form and schedule, what an app is handed, lengths, windows and bills.",
    zh: '未在真实网关验证。未确认：返回码（均不作为最终结果）、状态（取自公开代码，3“失败”继续查询）、通知应答文本（可配置）及通知形式与时间表、APP 调起参数、字段长度、退款期限、对账单。',
  },
  config,
  checkConfig,
  identity,
  receiver,
  pay: {
    jd_app: appOrder,
    jd_h5: page(({ h5_url }) => h5_url ?? 'https://h5pay.jd.com/jdpay'),
    jd_page: page(({ page_url }) => page_url ?? 'https://wepay.jd.com/jdpay'),
    jd_barcode: chargeCode,
  },
  query: queryOrder,
  reverse: reverseOrder,
  refund: requestRefund,
  refundQuery: queryRefund,
  notification,
});
