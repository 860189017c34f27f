import { sha256 } from '../../kernel/digest.ts';
import { newId } from '../../kernel/id.ts';
import { toFen, ZERO } from '../../kernel/money.ts';
import type { Success } from '../../kernel/outcome.ts';
import type { Rng } from '../../kernel/rng.ts';
import type { Attempt } from '../attempt.ts';
import type { DecisionEnv } from '../change.ts';
import type { Payment } from '../payment.ts';
import type { Refund } from '../refund.ts';

/** Builders for the tests of the pure core: whole objects, of which a test names only what it is about. */

export const at = new Date('2026-11-21T10:00:00Z');

let drawn = 0;
const counting: Rng = { bytes: (length) => sha256(String(drawn++)).subarray(0, length) };
export const anEnv = (now = at): DecisionEnv => ({ now, id: (kind) => newId(kind, now, counting) });

const merchant_id = newId('merchant', at, counting);
const account_id = newId('channel_account', at, counting);

export function aPayment(fields: Partial<Payment> = {}): Payment {
  return {
    merchant_id,
    id: newId('payment', at, counting),
    livemode: false,
    merchant_order_no: 'order-1',
    store_id: null,
    terminal_id: null,
    request_hash: sha256('request'),
    amount_fen: toFen(100),
    currency: 'CNY',
    subject: '一杯茶',
    metadata: {},
    state: 'pending',
    closed_reason: null,
    closing: null,
    paid_fen: ZERO,
    refunding_fen: ZERO,
    refunded_fen: ZERO,
    refund_count: 0,
    accepted_attempt_id: null,
    latest_attempt_id: null,
    attempt_count: 1,
    checkout_token: null,
    expires_at: new Date(at.getTime() + 7_200_000),
    next_close_at: new Date(at.getTime() + 7_200_000),
    close_tries: 0,
    paid_at: null,
    closed_at: null,
    created_at: at,
    version: 1,
    ...fields,
  };
}

export function anAttempt(payment: Payment, fields: Partial<Attempt> = {}): Attempt {
  const state = fields.state ?? 'waiting';
  const live = state === 'sending' || state === 'waiting';
  return {
    merchant_id: payment.merchant_id,
    id: newId('attempt', at, counting),
    payment_id: payment.id,
    channel: 'some_channel',
    channel_account_id: account_id,
    account_version: 1,
    method: 'wechat_qr',
    amount_fen: payment.amount_fen,
    currency: payment.currency,
    request: {},
    request_sealed: null,
    state,
    disposition: null,
    kept: null,
    next_action: { type: 'wait' },
    channel_transaction_id: null,
    payer_amount_fen: null,
    payer_sealed: null,
    channel_fee_fen: null,
    refusal: null,
    paid_at: null,
    reversing_at: null,
    quota: null,
    created_at: at,
    next_query_at: live ? at : null,
    query_tries: 0,
    version: 1,
    ...fields,
  };
}

/** A paid payment with its accepted attempt. */
export function aPaid(fields: Partial<Payment> = {}): { payment: Payment; attempt: Attempt } {
  const open = aPayment();
  const attempt = anAttempt(open, { state: 'succeeded', disposition: 'accepted', channel_transaction_id: 'T1', paid_at: at, version: 2 });
  const paid: Partial<Payment> = { state: 'paid', paid_fen: open.amount_fen, accepted_attempt_id: attempt.id, next_close_at: null, paid_at: at, version: 2 };
  return { payment: { ...open, ...paid, ...fields }, attempt };
}

export function aRefund(attempt: Attempt, fields: Partial<Refund> = {}): Refund {
  return {
    merchant_id: attempt.merchant_id,
    id: newId('refund', at, counting),
    payment_id: attempt.payment_id,
    attempt_id: attempt.id,
    livemode: false,
    merchant_refund_no: 'refund-1',
    request_hash: sha256('refund'),
    cause: 'merchant',
    amount_fen: toFen(60),
    currency: 'CNY',
    reason: null,
    metadata: {},
    state: 'sending',
    refusal: null,
    channel_refund_id: null,
    created_at: at,
    accepted_at: null,
    refunded_at: null,
    next_query_at: at,
    query_tries: 0,
    version: 1,
    ...fields,
  };
}

export function aSuccess(fields: Partial<Success> = {}): Success {
  return { channel_transaction_id: 'T1', amount_fen: toFen(100), currency: 'CNY', paid_at: at, identity: { mchid: '1900000001' }, ...fields };
}
