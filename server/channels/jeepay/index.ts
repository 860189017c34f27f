import { defineChannel } from '../define.ts';
import { shortNo } from '../short-no.ts';
import { config, identity, receiver } from './config.ts';
import { notification } from './notifications.ts';
import { closeOrder, prepay, queryOrder } from './orders.ts';
import { queryRefund, requestRefund } from './refunds.ts';

/** A Jeepay installation as upstream: a merchant moves over with the accounts that it has there. */
export const jeepay = defineChannel({
  code: 'jeepay',
  name: { en: 'Jeepay installation', zh: 'Jeepay 上游' },
  experimental: {
    en: 'Written from the source of V3.2.9, never tried against an installation. Errors are told by texts, so hardly one is final; payment codes are not offered, since there is no call that reverses them; there is no bill.',
    zh: '依据 V3.2.9 源码编写，未在真实安装上验证。错误以文字表达，几乎不作为最终结果；没有撤销接口，因此不提供付款码；没有对账单。',
  },
  config,
  identity,
  receiver,
  shortNo,
  pay: {
    wechat_qr: prepay('wechat_qr'),
    wechat_jsapi: prepay('wechat_jsapi'),
    wechat_mini: prepay('wechat_mini'),
    wechat_h5: prepay('wechat_h5'),
    alipay_qr: prepay('alipay_qr'),
    alipay_jsapi: prepay('alipay_jsapi'),
    alipay_wap: prepay('alipay_wap'),
    alipay_page: prepay('alipay_page'),
    aggregate_qr: prepay('aggregate_qr'),
  },
  query: queryOrder,
  close: closeOrder,
  refund: requestRefund,
  refundQuery: queryRefund,
  notification,
});
