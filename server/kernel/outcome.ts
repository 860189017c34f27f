import type { NextAction, RefusalReason } from '@heliu/contract';
import type { Fen } from './money.ts';

/** What a channel says of a payment, in our words. Only a verified message can make any of these but `unknown`. */
export type PaymentFact =
  | { readonly is: 'paid'; readonly success: Success }
  /** The channel holds the order and nobody has paid it (yet). */
  | { readonly is: 'waiting'; readonly action?: NextAction }
  /** The channel's verified, listed, final no. */
  | { readonly is: 'refused'; readonly reason: RefusalReason; readonly channel_code: string; readonly channel_message?: string }
  /** The order is closed, reversed or expired at the channel and was not paid. */
  | { readonly is: 'closed' }
  /** The channel does not know the order: not final, it may still be on its way. */
  | { readonly is: 'not_found' }
  | { readonly is: 'unknown'; readonly cause: UnknownCause; readonly detail?: string };

/** A success as the channel states it; the shared verifier compares it with what we asked for. */
export type Success = {
  readonly channel_transaction_id: string;
  /** What the order is worth: compared with the attempt's amount. */
  readonly amount_fen: Fen;
  readonly currency: string;
  /** What the payer really paid, after the channel's discounts. */
  readonly payer_amount_fen?: Fen;
  /** What the channel keeps of it, where it says so with the success. */
  readonly fee_fen?: Fen;
  readonly paid_at: Date;
  /** openid or buyer id. Class C2: stored encrypted. */
  readonly payer_id?: string;
  /** Who received: must equal the account's own identity, field by field (mchid, appid, seller id …). */
  readonly identity: Readonly<Record<string, string>>;
};

/** What a channel says of a refund. */
export type RefundFact =
  | { readonly is: 'succeeded'; readonly channel_refund_id?: string; readonly amount_fen: Fen; readonly refunded_at?: Date }
  /** Accepted, and on its way. `stopped_at`: when the channel said that the money cannot arrive and waits there for the merchant. */
  | { readonly is: 'pending'; readonly channel_refund_id?: string; readonly stopped_at?: Date }
  | { readonly is: 'refused'; readonly reason: RefusalReason; readonly channel_code: string; readonly channel_message?: string }
  | { readonly is: 'not_found' }
  | { readonly is: 'unknown'; readonly cause: UnknownCause; readonly detail?: string };

/** Why an outcome is not known. Made only by `channels/client.ts` or by an adapter for an unlisted answer. */
export type UnknownCause =
  | 'not_sent' // the connection was never made: nothing can have happened upstream
  | 'timeout'
  | 'connection_lost'
  | 'unverified' // the answer's signature is missing or wrong
  | 'unreadable' // not the format promised
  | 'unlisted' // a code that errors.ts does not list as final
  | 'server_error' // 5xx, "system busy"
  | 'rate_limited';

export type Via = 'answer' | 'notification' | 'query' | 'bill' | 'operator';
