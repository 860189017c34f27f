import type { Fen } from '../../kernel/money.ts';

/** One side of a day's equation, of payments or of refunds. All sums are made apart from one another. */
export type Side = {
  /** Ours of that day. */
  readonly ours_fen: Fen;
  /** What the ledger has of them, on the account of what the channel owes. */
  readonly ledger_fen: Fen;
  /** The bill of that day. */
  readonly bill_fen: Fen;
  /** Ours of that day that other days' bills have. */
  readonly elsewhere_fen: Fen;
  /** Lines of that day's bill that are ours of other days. */
  readonly others_fen: Fen;
  /** Exceptions that stand: what of ours, and what of the bill, has no other side. */
  readonly ours_alone_fen: Fen;
  readonly bill_alone_fen: Fen;
};

/** platform = bill + exceptions: what is left over, which must be nothing. */
export const leftOver = (side: Side): bigint =>
  side.ours_fen - side.elsewhere_fen - side.ours_alone_fen - (side.bill_fen - side.others_fen - side.bill_alone_fen);

/** platform = ledger: by how much the ledger has less than the platform. */
export const ledgerOff = (side: Side): bigint => side.ours_fen - side.ledger_fen;

/** What the ledger has of a day besides its payments and refunds. */
export type DayPostings = {
  /** The fee of the bill, as it is posted. */
  readonly fee_fen: Fen;
  /** What stands in suspense for exceptions of the day: above zero, the channel owes less than the platform says. */
  readonly suspense_fen: Fen;
};

/** 日结: what a closed day states, and what its signature is over. */
export type DayStatement = {
  /** From one: a day into which something came after it was closed may be closed again. */
  readonly version: number;
  readonly merchant_id: string;
  readonly channel: string;
  readonly channel_account_id: string;
  readonly biz_date: string;
  readonly bill_id: string | null;
  readonly bill_sha256: string | null;
  /** Whether the channel gave the bill to us, or a person brought it. */
  readonly bill_source: 'download' | 'upload' | null;
  readonly payments: Readonly<Record<keyof Side, string>>;
  readonly refunds: Readonly<Record<keyof Side, string>>;
  readonly fee_millifen: string;
  /** What is posted of the bill's fee, and what stands in suspense. */
  readonly ledger: Readonly<Record<keyof DayPostings, string>>;
  readonly exceptions: Readonly<Record<string, number>>;
  readonly closed_at: string;
  readonly closed_by: string;
};

/** Amounts as text: JSON knows no integers of this size. */
export const asTexts = <Amounts extends object>(amounts: Amounts): Readonly<Record<keyof Amounts, string>> =>
  Object.fromEntries(Object.entries(amounts).map(([name, value]) => [name, String(value)])) as Record<keyof Amounts, string>;
