import type { AttemptState, Disposition, Method, NextAction, RefusalReason } from '@heliu/contract';
import type { Table } from '../kernel/machine.ts';
import type { Fen } from '../kernel/money.ts';
import type { Reserved } from '../routing/quota.ts';

/** 支付尝试: one try on one channel account. A row of `attempts`. */
export type Attempt = {
  readonly merchant_id: string;
  readonly id: string;
  readonly payment_id: string;
  readonly channel: string;
  readonly channel_account_id: string;
  readonly account_version: number;
  readonly method: Method;
  readonly amount_fen: Fen;
  readonly currency: string;
  readonly request: AttemptRequest;
  /** Payer id and address and payment code, sealed; dropped when the attempt rests. */
  readonly request_sealed: Buffer | null;
  readonly state: AttemptState;
  readonly disposition: Disposition | null;
  /** Whether duplicate or late money stays with the merchant, as its policy was when the money was heard of; null of all other attempts. */
  readonly kept: boolean | null;
  /** Of an attempt that is `sending`: `wait`, or `new_attempt` once nothing to pay with could be had from the channel. */
  readonly next_action: NextAction;
  readonly channel_transaction_id: string | null;
  readonly payer_amount_fen: Fen | null;
  readonly payer_sealed: Buffer | null;
  /** What the channel keeps of the success, where it said so. */
  readonly channel_fee_fen: Fen | null;
  readonly refusal: ChannelRefusal | null;
  readonly paid_at: Date | null;
  /**
   * Since when the channel may be giving the money back by itself. A success of such an attempt is never accepted: the
   * reverse was asked for, or is about to be, and is repeated until the channel confirms it.
   */
  readonly reversing_at: Date | null;
  /** What it reserved of the account's quotas; null where there are none. */
  readonly quota: Reserved | null;
  readonly created_at: Date;
  readonly next_query_at: Date | null;
  readonly query_tries: number;
  readonly version: number;
};

/** What is needed to send the same request again, less what is sealed. */
export type AttemptRequest = {
  readonly app_id?: string;
  readonly return_url?: string;
  /** What the channel is told of the payment's terminal. */
  readonly terminal_id?: string;
};

/** A channel's no, as it is stored: the texts are looked up when it is shown. */
export type ChannelRefusal = { readonly reason: RefusalReason; readonly channel_code: string; readonly channel_message: string | null };

/** `refused` and `closed` are left again only by proof of money. */
export const attempt_table: Table<AttemptState, 'wait' | 'succeed' | 'refuse' | 'close'> = {
  name: 'attempt',
  initial: 'sending',
  resting: ['succeeded', 'refused', 'closed'],
  moves: {
    sending: { wait: 'waiting', succeed: 'succeeded', refuse: 'refused', close: 'closed' },
    waiting: { succeed: 'succeeded', refuse: 'refused', close: 'closed' },
    succeeded: {},
    refused: { succeed: 'succeeded' },
    closed: { succeed: 'succeeded' },
  },
};

export const isLive = (attempt: Attempt): boolean => attempt.state === 'sending' || attempt.state === 'waiting';

/** Payment codes are charged at once and undone by reverse; every other scene waits for the payer and is undone by close. */
export const isBarcode = (attempt: Pick<Attempt, 'method'>): boolean => attempt.method.endsWith('_barcode');
