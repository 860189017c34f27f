import type { CheckoutLocale, CheckoutMode, CheckoutSession, Method } from '@heliu/contract';
import { id_prefixes } from '../../kernel/id.ts';
import { fenToNumber } from '../../kernel/money.ts';
import type { Payment } from '../../payments/payment.ts';

/** 收银台会话: what a page knows beyond its payment. A row of `checkout_sessions`. */
export type Session = {
  readonly merchant_id: string;
  readonly payment_id: string;
  readonly livemode: boolean;
  readonly mode: CheckoutMode;
  readonly locale: CheckoutLocale;
  /** Empty: whatever the merchant's accounts take. */
  readonly allowed_methods: readonly Method[];
  readonly return_url: string | null;
  readonly created_at: Date;
};

/** A session and its payment are two sides of one thing, so one id follows from the other. */
export const sessionId = (payment_id: string): string => id_prefixes.checkout_session + payment_id.slice(3);
export const paymentIdOf = (session_id: string): string => id_prefixes.payment + session_id.slice(3);

/** A session as its merchant sees it. */
export function viewSession(session: Session, payment: Payment, url: string): CheckoutSession {
  return {
    object: 'checkout_session',
    id: sessionId(payment.id),
    livemode: payment.livemode,
    payment_id: payment.id,
    merchant_order_no: payment.merchant_order_no,
    amount_fen: fenToNumber(payment.amount_fen),
    currency: 'CNY',
    subject: payment.subject,
    mode: session.mode,
    state: payment.state,
    closed_reason: payment.closed_reason,
    url,
    allowed_methods: [...session.allowed_methods],
    locale: session.locale,
    return_url: session.return_url,
    metadata: payment.metadata,
    expires_at: payment.expires_at.toISOString(),
    created_at: payment.created_at.toISOString(),
  };
}
