import type { Method } from '@heliu/contract';
import { defineChannel, type Operation, type OrderInput, type UndoFact } from '../define.ts';
import { fundBill, tradeBill } from './bill.ts';
import { fetchCertificates } from './certificates.ts';
import { type Config, checkConfig, config, identity, receiver } from './config.ts';
import { identify } from './identify.ts';
import { notification } from './notifications.ts';
import { closeOrder, prepay, queryOrder } from './orders.ts';
import { chargeCode, queryCode, reverseCode } from './payment-codes.ts';
import { queryRefund, requestRefund } from './refunds.ts';
import { refusedHere } from './wire.ts';

/** WeChat Pay 微信支付: APIv3, and APIv2 for payment codes. */
export const wechatpay = defineChannel({
  code: 'wechatpay',
  name: { en: 'WeChat Pay', zh: '微信支付' },
  config,
  checkConfig,
  identity,
  receiver,
  pay: {
    wechat_qr: prepay('wechat_qr'),
    wechat_jsapi: prepay('wechat_jsapi'),
    wechat_mini: prepay('wechat_mini'),
    wechat_h5: prepay('wechat_h5'),
    wechat_app: prepay('wechat_app'),
    wechat_barcode: chargeCode,
  },
  query: byMethod(queryCode, queryOrder),
  close: byMethod(refuseUndo({ local: { is: 'not_closable' } }), closeOrder),
  reverse: byMethod(reverseCode, refuseUndo(refusedHere('refund_not_allowed', 'HELIU_NOT_A_PAYMENT_CODE', 'only payment-code orders can be reversed'))),
  refund: requestRefund,
  refundQuery: queryRefund,
  notification,
  bills: { trade: tradeBill, fund: fundBill },
  identify: { wechat_jsapi: identify },
  // Certificates appear a day before they sign; WeChat asks to look every 12 hours or more often.
  trust: { fetch: fetchCertificates, refresh_ms: 6 * 3_600_000 },
});

const isPaymentCode = (method: Method): boolean => method === 'wechat_barcode';

/** Payment-code orders live in APIv2 and all others in APIv3; a call is asked where its order lives. */
function byMethod<Input extends { readonly method: Method }, Fact>(
  code: Operation<Config, Input, Fact>,
  order: Operation<Config, Input, Fact>,
): Operation<Config, Input, Fact> {
  const of = (input: Input) => (isPaymentCode(input.method) ? code : order);
  return {
    retry: 'same_key',
    request: (input, account, env) => of(input).request(input, account, env),
    verify: (answer, account, trust, env, input) => of(input).verify(answer, account, trust, env, input),
    outcome: (answer, input, account, env) => of(input).outcome(answer, input, account, env),
  };
}

/** A call that the gateway does not have for this kind of order, answered without one. */
function refuseUndo(fact: { readonly local: Extract<UndoFact, { is: 'refused' | 'not_closable' }> }): Operation<Config, OrderInput, UndoFact> {
  return { retry: 'same_key', request: () => fact, verify: () => 'invalid', outcome: () => fact.local };
}
