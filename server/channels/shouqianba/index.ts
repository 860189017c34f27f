import { defineChannel } from '../define.ts';
import { onlyCodes } from '../meaning.ts';
import { config, identity, receiver } from './config.ts';
import { notification } from './notifications.ts';
import { cancelOrder, chargeCode, precreate, queryOrder } from './orders.ts';
import { queryRefund, requestRefund } from './refunds.ts';
import { session } from './sessions.ts';

/**
 * Shouqianba 收钱吧: the upay gateway, several wallets on one terminal. There is no close: its cancel gives money back that came
 * first, and a QR code ends by itself after some four minutes.
 */
export const shouqianba = defineChannel({
  code: 'shouqianba',
  name: { en: 'Shouqianba', zh: '收钱吧' },
  experimental: {
    en: "Written from the vendor's documents of 2020, never tried against the gateway. An account needs an activation code (`heliu channel-account activate`) and checks in each day by itself. Nothing of the gateway is signed but our requests: https vouches for answers, notifications only bring a query about. Unconfirmed: whether the key of before is taken for payments after a check-in, how long a QR code lives (four minutes or ninety seconds), the bill. Pages inside wallets are not offered.",
    zh: '依据 2020 年官方文档编写，未在真实网关验证。账户须用激活码激活（`heliu channel-account activate`），此后每日自动签到。网关的应答与通知均无签名：应答由 https 保证，通知只触发查询。未确认：签到后旧密钥能否继续用于支付、二维码有效期（4 分钟或 90 秒）、对账单。不提供钱包内页面支付。',
  },
  config,
  identity,
  receiver,
  pay: {
    wechat_qr: precreate('wechat_qr'),
    wechat_barcode: chargeCode,
    alipay_qr: precreate('alipay_qr'),
    alipay_barcode: chargeCode,
    unionpay_barcode: chargeCode,
    qq_qr: precreate('qq_qr'),
    qq_barcode: chargeCode,
    jd_qr: precreate('jd_qr'),
    jd_barcode: chargeCode,
    bestpay_barcode: chargeCode,
  },
  query: queryOrder,
  reverse: onlyCodes(cancelOrder),
  refund: requestRefund,
  refundQuery: queryRefund,
  notification,
  session,
});
