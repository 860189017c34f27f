import { dayStart } from '../channels/bill.ts';
import type { Fen } from '../kernel/money.ts';
import { type Draft, entriesOf } from '../ledger/posting.ts';

/** 到账: one credit of a bank statement, as a row of `bank_credits`. */
export type BankCredit = {
  readonly merchant_id: string;
  readonly id: string;
  readonly livemode: boolean;
  readonly channel: string;
  readonly channel_account_id: string;
  readonly reference: string;
  readonly received_on: string;
  readonly amount_fen: Fen;
  readonly payer: string | null;
  readonly imported_by: string;
  readonly created_at: Date;
  readonly match_id: string | null;
};

/**
 * 渠道结算: what the channel paid it owes no more, and the merchant has. What the merchant got above or below what is due to it
 * is what its price and the channel's fee differ by.
 */
export function creditDraft({ id, channel, channel_account_id: party, reference, received_on, amount_fen }: BankCredit): Draft {
  return {
    kind: 'settlement',
    source_id: id,
    reverses_id: null,
    payment_id: null,
    attempt_id: null,
    refund_id: null,
    store_id: null,
    channel_account_id: party,
    channel,
    method: '',
    amount_fen,
    fee_fen: 0n as Fen,
    fact_at: dayStart(received_on),
    detail: { bank_credit_id: id, reference, received_on },
    entries: entriesOf(['merchant_due', party, amount_fen], ['channel_receivable', party, -amount_fen]),
  };
}
