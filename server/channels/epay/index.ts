import { defineChannel } from '../define.ts';
import { config, identity, receiver } from './config.ts';
import { notification } from './notifications.ts';
import { prepay, queryOrder } from './orders.ts';
import { queryRefund, requestRefund } from './refunds.ts';

/** An installation of 易支付 as upstream: a merchant moves over with the accounts that it has there. */
export const epay = defineChannel({
  code: 'epay',
  name: { en: 'epay installation', zh: '易支付上游' },
  experimental: {
    en: 'Written from descriptions of the protocol (MD5, V1), never tried against an installation; versions differ. Answers are unsigned and questions carry the key, so use https only. Unconfirmed: the answers to refunds and their query (`refund_done_status` is a setting), statuses above 1, how a number that was used is answered. An order cannot be closed: what is paid after its time is late money.',
    zh: '依据协议说明编写（MD5，V1），未在真实站点验证；各版本有差异。应答无签名、查询明文携带密钥，务必使用 https。未确认：退款及退款查询的应答（成功状态可配置）、大于 1 的订单状态、重复单号的应答。无关单接口：过期后支付的款项按迟到款处理。',
  },
  config,
  identity,
  receiver,
  pay: {
    wechat_qr: prepay('wechat_qr'),
    wechat_h5: prepay('wechat_h5'),
    alipay_qr: prepay('alipay_qr'),
    alipay_wap: prepay('alipay_wap'),
    qq_qr: prepay('qq_qr'),
    jd_qr: prepay('jd_qr'),
  },
  query: queryOrder,
  refund: requestRefund,
  refundQuery: queryRefund,
  notification,
});
