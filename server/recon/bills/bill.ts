import type { BillKind, BillLine, BillTotals } from '../../channels/bill.ts';
import type { Account } from '../../channels/define.ts';
import { readChannelNo } from '../../kernel/id.ts';
import type { Fen } from '../../kernel/money.ts';

/** Who hears how far long work has come: how many lines of a file were read, and how many steps of a matching are done. */
export type Progress = { readonly read: (lines: number) => void; readonly matched: (steps: number, of: number) => void };

/** 账单: one file of a day, as a row of `bills`. */
export type BillRow = {
  readonly merchant_id: string;
  readonly id: string;
  readonly livemode: boolean;
  readonly channel: string;
  readonly channel_account_id: string;
  readonly kind: BillKind;
  readonly biz_date: string;
  readonly version: number;
  readonly source: 'download' | 'upload';
  readonly state: 'reading' | 'current' | 'superseded' | 'refused';
  readonly sha256: Buffer;
  readonly bytes: bigint;
  readonly lines: number | null;
  readonly payment_count: number | null;
  readonly payment_fen: Fen | null;
  readonly refund_count: number | null;
  readonly refund_fen: Fen | null;
  readonly fee_millifen: bigint | null;
  readonly problem: string | null;
  readonly problem_line: number | null;
  readonly imported_by: string;
  readonly created_at: Date;
  /** The channel's own bill that it took the place of, because the person that is named said so. */
  readonly replaces_id: string | null;
  /** How often somebody began to read it. */
  readonly reads: number;
};

/** 账单日: whether the bill of a day is there, and what became of it. A row of `bill_days`. */
export type BillDayRow = {
  readonly merchant_id: string;
  readonly channel_account_id: string;
  readonly kind: BillKind;
  readonly biz_date: string;
  readonly livemode: boolean;
  readonly channel: string;
  readonly state: 'wanted' | 'imported' | 'empty';
  readonly bill_id: string | null;
  readonly problem: string | null;
  readonly tries: number;
  readonly next_fetch_at: Date | null;
  readonly matched_at: Date | null;
  readonly closed_at: Date | null;
};

export type DayName = Pick<BillDayRow, 'merchant_id' | 'channel_account_id' | 'kind' | 'biz_date'>;

export type Imported = { readonly bill: BillRow; readonly is_new: boolean };

/** The totals as the columns of a bill have them. */
export const totalsOf = ({ lines, payments, refunds, fee_millifen }: BillTotals) => ({
  lines,
  payment_count: payments.count,
  payment_fen: payments.amount_fen,
  refund_count: refunds.count,
  refund_fen: refunds.amount_fen,
  fee_millifen,
});

/**
 * The attempt or refund that a line's number would be ours of. Numbers of ours name their row; that it exists, belongs to this
 * account and says the same is for the matching to find. A reversal carries the order's own number in place of a refund's.
 */
export function objectOf(line: BillLine, { merchant_code }: Pick<Account, 'merchant_code'>): string | null {
  const no = line.kind === 'payment' ? line.channel_order_no : line.channel_refund_no;
  if (no === null || (line.kind !== 'payment' && no === line.channel_order_no)) return null;
  const own = readChannelNo(no);
  if (own?.merchant_code !== merchant_code) return null;
  return `${line.kind === 'payment' ? 'att' : 'ref'}_${own.ulid}`;
}

/** Between two looks for a bill that is not there: soon at first, every half hour then, and not for ever. */
export const fetch_steps_ms: readonly number[] = [5, 10, 15, 30].map((minutes) => minutes * 60_000);
/** So long after it should be there a bill is missing, and a person is told. */
export const missing_after_ms = 6 * 3_600_000;
/** For so long after it was published a bill may be issued anew, and is looked for again. */
export const reissue_days_max = 15;

/**
 * When a day whose bill is there is looked at again: a day later, and then each time at twice its age. Null: not any more.
 * What the channel gave and gives again changes nothing.
 */
export function nextLook(published_at: Date, now: Date): Date | null {
  const age_ms = now.getTime() - published_at.getTime();
  return age_ms >= reissue_days_max * day_ms ? null : new Date(Math.max(published_at.getTime(), now.getTime() + Math.max(day_ms, age_ms)));
}
const day_ms = 86_400_000;

/** A bill that is not there after so many days is not asked for any more. Also how far back an account's days begin where none was made yet. */
export const fetch_days_max = 30;
/** After an outage days are made up for no further back than this. */
export const outage_days_max = 400;
/** A closed account gives money back for as long as channels allow it, a year: days on which it does are wanted so long. */
export const closed_days_max = 400;
