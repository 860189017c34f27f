import { type CreateAttemptBody, type Method, methods } from '@heliu/contract';
import type { OrderInput, PayInput, RefundInput } from '../channels/define.ts';
import { issuerOfPaymentCode, type PaymentCodeIssuer } from '../channels/payment-code.ts';
import { channelNo } from '../kernel/id.ts';
import { type Refusal, refuse } from '../kernel/refusal.ts';
import type { Attempt } from './attempt.ts';
import type { Payment } from './payment.ts';
import type { Refund } from './refund.ts';

/** What of a try is personal or charges an account: sealed in `attempts.request_sealed`. */
export type SealedRequest = { readonly payer_id?: string; readonly auth_code?: string; readonly payer_ip?: string };

/** The method that is meant, with all that it needs; a refusal names the missing field. */
export function resolveMethod(body: CreateAttemptBody): Method | Refusal {
  if (body.method !== 'barcode' && methods[body.method].scene !== 'barcode') return needs(body, body.method);
  if (body.auth_code === undefined) return refuse('parameter_missing', 'auth_code');
  const issuer = issuerOfPaymentCode(body.auth_code);
  if (issuer === undefined) return refuse('payment_code_unknown', 'auth_code');
  // A wallet that is known and not served: the cashier asks for another one, and not for the same code again.
  if (issuer.method === undefined) return refuse('payment_code_not_taken', 'auth_code', walletFacts(issuer.wallet));
  if (body.method !== 'barcode' && issuer.method !== body.method) return refuse('payment_code_unknown', 'auth_code');
  return issuer.method;
}

/** Whose order names its payer. Inside other wallets that depends on the gateway: its channel says so. */
const names_payer: ReadonlySet<Method> = new Set(['wechat_jsapi', 'wechat_mini', 'alipay_jsapi', 'alipay_mini']);

const walletFacts = (wallet: PaymentCodeIssuer['wallet']) => ({ wallet: wallet_names[wallet][0], wallet_zh: wallet_names[wallet][1] });

const wallet_names: Readonly<Record<PaymentCodeIssuer['wallet'], readonly [en: string, zh: string]>> = {
  wechat: ['WeChat Pay', '微信支付'],
  alipay: ['Alipay', '支付宝'],
  unionpay: ['UnionPay', '银联云闪付'],
  ecny: ['e-CNY', '数字人民币'],
  bestpay: ['Bestpay', '翼支付'],
  suning: ['Suning Pay', '苏宁支付'],
};

function needs(body: CreateAttemptBody, method: Method): Method | Refusal {
  if (names_payer.has(method) && body.payer_id === undefined) return refuse('parameter_missing', 'payer_id');
  if (method === 'wechat_h5' && body.payer_ip === undefined) return refuse('parameter_missing', 'payer_ip');
  return method;
}

export function payInput(payment: Payment, attempt: Attempt, sealed: SealedRequest, merchant_code: string, notify_url: string): PayInput {
  return {
    channel_order_no: channelNo(merchant_code, attempt.id),
    method: attempt.method,
    amount_fen: attempt.amount_fen,
    currency: attempt.currency,
    subject: payment.subject,
    created_at: attempt.created_at,
    expires_at: payment.expires_at,
    notify_url,
    ...attempt.request,
    ...sealed,
  };
}

export function orderInput(payment: Payment, attempt: Attempt, merchant_code: string): OrderInput {
  const { app_id } = attempt.request;
  return {
    channel_order_no: channelNo(merchant_code, attempt.id),
    method: attempt.method,
    amount_fen: attempt.amount_fen,
    created_at: attempt.created_at,
    expires_at: payment.expires_at,
    ...(app_id === undefined ? {} : { app_id }),
  };
}

export function refundInput(refund: Refund, attempt: Attempt, merchant_code: string, notify_url: string): RefundInput {
  return {
    channel_order_no: channelNo(merchant_code, attempt.id),
    channel_transaction_id: attempt.channel_transaction_id ?? '',
    channel_refund_no: channelNo(merchant_code, refund.id),
    method: attempt.method,
    amount_fen: refund.amount_fen,
    total_fen: attempt.amount_fen,
    currency: refund.currency,
    created_at: refund.created_at,
    order_created_at: attempt.created_at,
    notify_url,
    ...(refund.reason === null ? {} : { reason: refund.reason }),
    ...(refund.channel_refund_id === null ? {} : { channel_refund_id: refund.channel_refund_id }),
  };
}
