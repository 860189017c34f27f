import type { RefundCause, RefundState } from '@heliu/contract';
import type { Table } from '../kernel/machine.ts';
import type { Fen } from '../kernel/money.ts';
import type { ChannelRefusal } from './attempt.ts';

/** 退款: money going back by the way it came. A row of `refunds`. */
export type Refund = {
  readonly merchant_id: string;
  readonly id: string;
  readonly payment_id: string;
  readonly attempt_id: string;
  readonly livemode: boolean;
  readonly merchant_refund_no: string | null;
  readonly request_hash: Buffer | null;
  readonly cause: RefundCause;
  readonly amount_fen: Fen;
  readonly currency: string;
  readonly reason: string | null;
  readonly metadata: Record<string, string>;
  readonly state: RefundState;
  readonly refusal: ChannelRefusal | null;
  readonly channel_refund_id: string | null;
  readonly created_at: Date;
  /** When the channel took it on: from then until it is final, the ledger has it in transit. */
  readonly accepted_at: Date | null;
  readonly refunded_at: Date | null;
  readonly next_query_at: Date | null;
  readonly query_tries: number;
  readonly version: number;
};

export const refund_table: Table<RefundState, 'accept' | 'succeed' | 'refuse'> = {
  name: 'refund',
  initial: 'sending',
  resting: ['succeeded', 'refused'],
  moves: {
    sending: { accept: 'pending', succeed: 'succeeded', refuse: 'refused' },
    pending: { succeed: 'succeeded', refuse: 'refused' },
    succeeded: {},
    // Proof that the money went back after all.
    refused: { succeed: 'succeeded' },
  },
};

export const isOpenRefund = (refund: Refund): boolean => refund.state === 'sending' || refund.state === 'pending';

/** Duplicate and late money was never the payment's own: its refund touches none of the payment's amounts. */
export const isOfPayment = (refund: Pick<Refund, 'cause'>): boolean => refund.cause === 'merchant' || refund.cause === 'cancel';
