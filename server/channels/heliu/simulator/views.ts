import { methods, type NextAction, Payment, Refund, type RefusalReason, refusal_reasons } from '@heliu/contract';
import type { Static, TSchema } from 'typebox';
import { Check } from 'typebox/value';
import { assert } from '../../../kernel/assert.ts';
import type { Gateway } from '../../kit/gateway/gateway.ts';
import { isPaid } from '../../kit/gateway/ledger.ts';
import type { Refund as Held, Order, OrderState } from '../../kit/gateway/world.ts';

/** What the contract calls it; what it would not let through is a simulator that has drifted from it. */
export function inContract<S extends TSchema>(schema: S, value: Static<S>): Static<S> {
  assert(Check(schema, value), `the contract has it so: ${JSON.stringify(value)}`);
  return value;
}

const states: Readonly<Record<OrderState, 'pending' | 'paid' | 'closed'>> = {
  open: 'pending',
  asking: 'pending',
  paid: 'paid',
  closed: 'closed',
  reversed: 'closed',
  // An attempt that was refused leaves its payment open.
  failed: 'pending',
};

/** A payment that was cancelled after it was paid stays paid, and its money is refunded. */
export const stateOf = (order: Order): 'pending' | 'paid' | 'closed' => (isPaid(order) ? 'paid' : states[order.state]);

const time = (ms: number): string => new Date(ms).toISOString();

export function paymentView({ ledger }: Gateway, order: Order): Payment {
  const state = stateOf(order);
  const refunds = ledger.refundsOf(order);
  const sum = (of: Held['state']) => refunds.filter((refund) => refund.state === of).reduce((total, { amount_fen }) => total + amount_fen, 0);
  const closed = state === 'closed';
  return inContract(Payment, {
    object: 'payment',
    id: order.own.payment_id ?? '',
    livemode: false,
    merchant_order_no: order.order_no,
    amount_fen: order.amount_fen,
    currency: 'CNY',
    subject: order.subject,
    state,
    closed_reason: closed ? (order.own.cancelled ? 'cancelled' : 'expired') : null,
    closing: false,
    paid_fen: state === 'paid' ? order.amount_fen : 0,
    refunding_fen: sum('processing'),
    refunded_fen: sum('succeeded'),
    next_action: order.state === 'open' ? actionOf(order) : order.state === 'asking' ? { type: 'wait' } : { type: 'none' },
    attempt: attemptView(order, state),
    store_id: null,
    terminal_id: null,
    metadata: {},
    expires_at: time(order.expires_ms),
    paid_at: order.paid_ms === undefined ? null : time(order.paid_ms),
    closed_at: closed ? time(order.created_ms) : null,
    created_at: time(order.created_ms),
    version: 1,
  });
}

function attemptView(order: Order, state: 'pending' | 'paid' | 'closed'): Payment['attempt'] {
  const refused = order.state === 'failed';
  return {
    id: order.own.attempt_id ?? '',
    method: order.method,
    channel: 'wechatpay',
    channel_account_id: order.own.account_id ?? '',
    state: refused ? 'refused' : state === 'paid' ? 'succeeded' : state === 'closed' ? 'closed' : 'waiting',
    disposition: state === 'paid' ? 'accepted' : null,
    channel_order_no: `${order.merchant}${order.own.attempt_id?.slice('att_'.length)}`,
    channel_transaction_id: state === 'paid' ? `4200${order.own.payment_id?.slice(-16)}` : null,
    payer_amount_fen: null,
    refusal: refused ? refusalView((order.own.refusal ?? 'payer_refused') as RefusalReason, 'NOT_PAID') : null,
    created_at: time(order.created_ms),
  };
}

function refusalView(reason: RefusalReason, channel_code: string): NonNullable<Refund['refusal']> {
  const [message, message_zh] = refusal_reasons[reason];
  return { reason, message, message_zh, channel_code, channel_message: null };
}

function actionOf({ method, opens = '' }: Order): NextAction {
  const { wallet, scene } = methods[method];
  if (scene === 'qr') return { type: 'show_qr', qr_content: opens };
  if (scene === 'h5' || scene === 'page') return { type: 'redirect', url: opens };
  return scene === 'barcode' ? { type: 'wait' } : { type: 'invoke', wallet, api: 'wx.requestPayment', params: { package: opens } };
}

export function refundView(order: Order, refund: Held): Refund {
  return inContract(Refund, {
    object: 'refund',
    id: refund.refund_id,
    livemode: false,
    payment_id: order.own.payment_id ?? '',
    attempt_id: order.own.attempt_id ?? '',
    merchant_refund_no: refund.refund_no,
    cause: 'merchant',
    amount_fen: refund.amount_fen,
    currency: 'CNY',
    reason: refund.own.reason ?? null,
    state: refund.state === 'processing' ? 'pending' : refund.state === 'failed' ? 'refused' : 'succeeded',
    refusal: refund.state === 'failed' ? refusalView('merchant_balance_insufficient', 'NOT_ENOUGH') : null,
    channel_refund_no: `${order.merchant}${refund.refund_id.slice('ref_'.length)}`,
    channel_refund_id: null,
    metadata: {},
    created_at: time(refund.created_ms),
    accepted_at: refund.state === 'processing' ? time(refund.created_ms) : null,
    refunded_at: refund.state === 'succeeded' ? time(refund.settled_ms ?? refund.created_ms) : null,
    version: 1,
  });
}
