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
  /** Of the merchant, by the name it gave; empty while unnamed. A number of the bank is of one movement in it. */
  readonly bank_account: string;
  readonly import_id: string | null;
  /** What it has paid, in the book; none while nothing explains it. */
  readonly posting_id: string | null;
};

/**
 * 渠道结算: what the channel paid it owes no more, and the merchant has. What the merchant got above or below what is due to it
 * is what its price and the channel's fee differ by. Made anew with each `source_id`: what is explained, and then not, may be again.
 */
export function creditDraft({ id, channel, channel_account_id: party, reference, received_on, amount_fen }: BankCredit, source_id: string): Draft {
  return {
    kind: 'settlement',
    source_id,
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

type Movement = Pick<BankCredit, 'reference' | 'received_on' | 'amount_fen'>;
type Known = Movement & Pick<BankCredit, 'channel_account_id' | 'bank_account'>;

/**
 * Of credits with one number of a bank the one that is the same movement. In one bank account a number is of one movement; where
 * a bank account has no name, the same number on the same day with the same amount is taken for the same.
 */
export const sameMovement = <Credit extends Known>(
  known: readonly Credit[],
  { received_on, amount_fen }: Movement,
  { bank_account }: Pick<BankCredit, 'bank_account'>,
): Credit | undefined =>
  known.find((each) => each.bank_account === bank_account) ??
  known.find(
    (each) =>
      (each.bank_account === '' || bank_account === '' || each.bank_account === each.channel_account_id) &&
      each.received_on === received_on &&
      each.amount_fen === amount_fen,
  );
