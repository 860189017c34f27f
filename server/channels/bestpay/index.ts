import { defineChannel } from '../define.ts';
import { shortNo } from '../short-no.ts';
import { config, identity, receiver } from './config.ts';
import { notification } from './notifications.ts';
import { chargeCode, queryOrder, reverseOrder } from './orders.ts';
import { queryRefund, requestRefund } from './refunds.ts';

/** Bestpay 翼支付: payment codes over MAPI V2.8. */
export const bestpay = defineChannel({
  code: 'bestpay',
  name: { en: 'Bestpay', zh: '翼支付' },
  experimental: {
    en: "Never tried against Bestpay's gateway. Unconfirmed: how the MAC of a refund spells a missing ledger (a setting), whether UPTRANSEQ equals ourTransNo, the refund window, the bill. The newer RSA platform is not covered, and the web and WAP cashiers are not offered: how their orders and refunds are asked about is not public.",
    zh: '未在真实网关验证。未确认：退款 MAC 中空分账明细的写法（可配置）、UPTRANSEQ 与 ourTransNo 是否一致、退款期限、对账单。未覆盖新版 RSA 开放平台；不提供 WEB/WAP 收银台：其订单与退款的查询未公开。',
  },
  config,
  identity,
  receiver,
  shortNo,
  pay: { bestpay_barcode: chargeCode },
  query: queryOrder,
  reverse: reverseOrder,
  refund: requestRefund,
  refundQuery: queryRefund,
  notification,
});
