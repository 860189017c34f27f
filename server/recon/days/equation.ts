import type { Fen } from '../../kernel/money.ts';

/** One side of a day's equation, of payments or of refunds. All sums are made apart from one another. */
export type Side = {
  /** Ours of that day. */
  readonly ours_fen: Fen;
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

/** 日结: what a closed day states, and what its signature is over. */
export type DayStatement = {
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
  readonly exceptions: Readonly<Record<string, number>>;
  readonly closed_at: string;
  readonly closed_by: string;
};

/** Amounts as text: JSON knows no integers of this size. */
export const asTexts = (side: Side): Readonly<Record<keyof Side, string>> =>
  Object.fromEntries(Object.entries(side).map(([name, value]) => [name, String(value)])) as Record<keyof Side, string>;
