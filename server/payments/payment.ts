import type { ClosedReason, PaymentState } from '@heliu/contract';
import type { Table } from '../kernel/machine.ts';
import type { Fen } from '../kernel/money.ts';

/** 支付单: what the merchant wants to be paid. A row of `payments`; its version guards its attempts and refunds too. */
export type Payment = {
  readonly merchant_id: string;
  readonly id: string;
  readonly livemode: boolean;
  readonly merchant_order_no: string;
  /** Where it is taken; null where the merchant does not say. A terminal always comes with its store. */
  readonly store_id: string | null;
  readonly terminal_id: string | null;
  readonly request_hash: Buffer;
  readonly amount_fen: Fen;
  readonly currency: string;
  readonly subject: string;
  readonly metadata: Record<string, string>;
  readonly state: PaymentState;
  readonly closed_reason: ClosedReason | null;
  /** A close that was asked for and is not certain at the channel yet. */
  readonly closing: Closing | null;
  readonly paid_fen: Fen;
  readonly refunding_fen: Fen;
  readonly refunded_fen: Fen;
  readonly refund_count: number;
  readonly accepted_attempt_id: string | null;
  readonly latest_attempt_id: string | null;
  readonly attempt_count: number;
  /** The end of the address of its page; null where it has none. */
  readonly checkout_token: string | null;
  readonly expires_at: Date;
  readonly next_close_at: Date | null;
  readonly close_tries: number;
  readonly paid_at: Date | null;
  readonly closed_at: Date | null;
  readonly created_at: Date;
  readonly version: number;
};

/** Who wants it closed: the clock, the merchant's close, or the merchant's cancel (撤销: any money goes back). */
export type Closing = 'expire' | 'close' | 'cancel';

/** A closed payment can become paid only by the merchant's policy for late money. */
export const payment_table: Table<PaymentState, 'accept' | 'close'> = {
  name: 'payment',
  initial: 'pending',
  resting: ['paid', 'closed'],
  moves: {
    pending: { accept: 'paid', close: 'closed' },
    paid: {},
    closed: { accept: 'paid' },
  },
};

/** What may still be refunded. */
export const refundable = (payment: Payment): Fen => (payment.paid_fen - payment.refunding_fen - payment.refunded_fen) as Fen;
