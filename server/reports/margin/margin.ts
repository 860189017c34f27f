import { roundMillifen } from '../../channels/bill.ts';
import type { Fen } from '../../kernel/money.ts';

/** What a channel account brought in a period, as the ledger and the bills have it. */
export type MarginRow = {
  readonly channel: string;
  readonly channel_account_id: string;
  /** By the merchant's price, less what refunds returned of it. */
  readonly service_fee_fen: bigint;
  /** What the channel kept by its bills, in thousandths of a fen. */
  readonly channel_fee_millifen: bigint;
  /** Days of the period whose bill is not there: their fee of the channel is missing in the sum. */
  readonly days_without_bill: bigint;
};

/** 毛利: what is left of the price when the channel has taken its own. */
export type Margin = Omit<MarginRow, 'channel_fee_millifen' | 'days_without_bill'> & {
  readonly channel_fee_fen: Fen;
  readonly margin_fen: bigint;
  /** No bill of the period is missing. */
  readonly complete: boolean;
};

export function marginOf({ channel_fee_millifen, days_without_bill, ...row }: MarginRow): Margin {
  const channel_fee_fen = roundMillifen(channel_fee_millifen);
  return { ...row, channel_fee_fen, margin_fen: row.service_fee_fen - channel_fee_fen, complete: days_without_bill === 0n };
}
