import type { Attempt } from './attempt.ts';
import type { Payment } from './payment.ts';
import type { Refund } from './refund.ts';

/** The columns of each table, in one place: statements are built from them and rows are read by them. */

export const payment_columns = [
  'merchant_id',
  'id',
  'livemode',
  'merchant_order_no',
  'store_id',
  'terminal_id',
  'request_hash',
  'amount_fen',
  'currency',
  'subject',
  'metadata',
  'state',
  'closed_reason',
  'closing',
  'paid_fen',
  'refunding_fen',
  'refunded_fen',
  'refund_count',
  'accepted_attempt_id',
  'latest_attempt_id',
  'attempt_count',
  'checkout_token',
  'expires_at',
  'next_close_at',
  'close_tries',
  'paid_at',
  'closed_at',
  'created_at',
  'version',
] as const satisfies readonly (keyof Payment)[];

/** What a change may write; `close_tries` belongs to the sweeper's claim. */
export const payment_mutable = [
  'state',
  'closed_reason',
  'closing',
  'paid_fen',
  'refunding_fen',
  'refunded_fen',
  'refund_count',
  'accepted_attempt_id',
  'latest_attempt_id',
  'attempt_count',
  'next_close_at',
  'paid_at',
  'closed_at',
  'version',
] as const satisfies readonly (keyof Payment)[];

export const attempt_columns = [
  'merchant_id',
  'id',
  'payment_id',
  'channel',
  'channel_account_id',
  'account_version',
  'method',
  'amount_fen',
  'currency',
  'request',
  'request_sealed',
  'state',
  'disposition',
  'next_action',
  'channel_transaction_id',
  'payer_amount_fen',
  'payer_sealed',
  'channel_fee_fen',
  'refusal',
  'paid_at',
  'reversing_at',
  'quota',
  'created_at',
  'next_query_at',
  'query_tries',
  'version',
] as const satisfies readonly (keyof Attempt)[];

/** `query_tries` belongs to the sweeper's claim. */
export const attempt_mutable = [
  'request_sealed',
  'state',
  'disposition',
  'next_action',
  'channel_transaction_id',
  'payer_amount_fen',
  'payer_sealed',
  'channel_fee_fen',
  'refusal',
  'paid_at',
  'reversing_at',
  'quota',
  'next_query_at',
  'version',
] as const satisfies readonly (keyof Attempt)[];

export const refund_columns = [
  'merchant_id',
  'id',
  'payment_id',
  'attempt_id',
  'livemode',
  'merchant_refund_no',
  'request_hash',
  'cause',
  'amount_fen',
  'currency',
  'reason',
  'metadata',
  'state',
  'refusal',
  'channel_refund_id',
  'created_at',
  'accepted_at',
  'refunded_at',
  'next_query_at',
  'query_tries',
  'version',
] as const satisfies readonly (keyof Refund)[];

/** `query_tries` belongs to the sweeper's claim. */
export const refund_mutable = ['state', 'refusal', 'channel_refund_id', 'accepted_at', 'refunded_at', 'next_query_at', 'version'] as const satisfies readonly (keyof Refund)[];
