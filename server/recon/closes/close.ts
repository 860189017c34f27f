import { canonicalJson, sha256Hex } from '../../kernel/digest.ts';
import type { Fen } from '../../kernel/money.ts';
import { asTexts, type DayPostings, type DayStatement, type Side } from '../days/equation.ts';

/** A business day of a merchant, of live payments or of the sandbox. */
export type MerchantDay = { readonly merchant_id: string; readonly livemode: boolean; readonly biz_date: string };

/** What the whole merchant has of a day, of payments or of refunds, whatever account it is of. */
export type Whole = {
  /** Ours of that day. */
  readonly ours_fen: Fen;
  /** What the ledger has of them, and of that day besides, as owed by channels. */
  readonly ledger_fen: Fen;
};

/** Both sides of the day of one channel account, with what is posted besides. */
export type Weighed = { readonly payments: Side; readonly refunds: Side; readonly ledger: DayPostings };

/** One side of the merchant's equation: platform = ledger = the sum of the accounts, each of which is proven against its bill. */
export type Total = Whole & {
  readonly accounts_fen: bigint;
  /** The bills of that day. */
  readonly bill_fen: bigint;
};

/** The sum that the merchant has as a whole beside the sums of its accounts. */
export const totalOf = ({ ours_fen, ledger_fen }: Whole, sides: readonly Side[]): Total => ({
  ours_fen,
  ledger_fen,
  accounts_fen: sumOf(sides, ({ ours_fen: fen }) => fen),
  bill_fen: sumOf(sides, ({ bill_fen: fen }) => fen),
});

/** By how much accounts and ledger have less than the merchant. All zero: nothing of the day is left out. */
export const missing = ({ payments, refunds }: { readonly payments: Total; readonly refunds: Total }) => ({
  accounts_payments_fen: payments.ours_fen - payments.accounts_fen,
  accounts_refunds_fen: refunds.ours_fen - refunds.accounts_fen,
  ledger_payments_fen: payments.ours_fen - payments.ledger_fen,
  ledger_refunds_fen: refunds.ours_fen - refunds.ledger_fen,
});

export const sumOf = <Of>(all: readonly Of[], fenOf: (each: Of) => bigint): bigint => all.reduce((sum, each) => sum + fenOf(each), 0n);

/** The day of one channel account within the merchant's. */
export type AccountStatement = {
  readonly channel_account_id: string;
  readonly channel: string;
  /** Of the canonical JSON of the account's own signed statement, in hex. */
  readonly statement_sha256: string;
  readonly payments: Readonly<Record<keyof Side, string>>;
  readonly refunds: Readonly<Record<keyof Side, string>>;
  readonly ledger: Readonly<Record<keyof DayPostings, string>>;
  /** What became of that day after the account's statement was signed: its sums here are those of the merchant's close. */
  readonly later: { readonly payments_fen: string; readonly refunds_fen: string };
};

export function accountStatement(
  account: { readonly channel_account_id: string; readonly channel: string },
  now: Weighed,
  signed: DayStatement,
): AccountStatement {
  const { payments, refunds, ledger } = now;
  const later = { payments_fen: payments.ours_fen - BigInt(signed.payments.ours_fen), refunds_fen: refunds.ours_fen - BigInt(signed.refunds.ours_fen) };
  return {
    channel_account_id: account.channel_account_id,
    channel: account.channel,
    statement_sha256: sha256Hex(canonicalJson(signed)),
    payments: asTexts(payments),
    refunds: asTexts(refunds),
    ledger: asTexts(ledger),
    later: asTexts(later),
  };
}

/** 商户日结: what the closed day of a merchant states, and what its signature is over. Amounts in fen, as text. */
export type CloseStatement = MerchantDay & {
  readonly payments: Readonly<Record<keyof Total, string>>;
  readonly refunds: Readonly<Record<keyof Total, string>>;
  /** Channel fees, and what stands in suspense, of all accounts. */
  readonly ledger: Readonly<Record<keyof DayPostings, string>>;
  readonly accounts: readonly AccountStatement[];
  readonly closed_at: string;
  readonly closed_by: string;
};
