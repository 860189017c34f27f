import type { Fen } from '../kernel/money.ts';
import { formatYuan } from '../kernel/money.ts';
import { formatShanghai } from '../kernel/time.ts';
import type { PostingKind } from '../ledger/posting.ts';

/** A posting as a statement reads it: a payment, a refund, or the reversal of one. */
export type PostingRow = {
  readonly id: string;
  readonly no: bigint;
  readonly kind: PostingKind;
  readonly biz_date: string;
  readonly fact_at: Date;
  readonly amount_fen: Fen;
  readonly fee_fen: Fen;
  readonly payment_id: string | null;
  readonly refund_id: string | null;
  readonly store_id: string | null;
  readonly channel_account_id: string;
  readonly channel: string;
  readonly method: string;
  readonly detail: Readonly<Record<string, string | null>>;
};

/** A line of a statement: what it adds to what the merchant is to get. */
export type Line = {
  readonly row: PostingRow;
  /** What it is about: reversals of refunds are about refunds. */
  readonly of: 'payment' | 'refund';
  /** Above zero for money that came, below for money that went. */
  readonly amount_fen: Fen;
  /** Above zero for a fee that was taken, below for one that was returned. */
  readonly fee_fen: Fen;
  readonly net_fen: Fen;
};

export function lineOf(row: PostingRow): Line {
  const of = row.kind === 'reversal' ? (row.detail.reversed_kind as 'payment' | 'refund') : row.kind === 'refund' ? 'refund' : 'payment';
  const sign = (of === 'refund' ? -1n : 1n) * (row.kind === 'reversal' ? -1n : 1n);
  const [amount_fen, fee_fen] = [row.amount_fen * sign, row.fee_fen * sign];
  return { row, of, amount_fen: amount_fen as Fen, fee_fen: fee_fen as Fen, net_fen: (amount_fen - fee_fen) as Fen };
}

/** What stands in a cell: text, or an amount that a spreadsheet may add up. */
export type Cell = { readonly text: string } | { readonly fen: Fen };
export type Column<L> = { readonly zh: string; readonly en: string; readonly width: number; readonly cell: (line: L) => Cell };

const text = (value: string | null | undefined): Cell => ({ text: value ?? '' });
const kinds: Readonly<Record<string, string>> = { payment: '收款 Payment', refund: '退款 Refund', reversal: '冲正 Reversal' };

/** The columns of a statement, in their order; new ones are added at the end. */
export const columns: readonly Column<Line>[] = [
  { zh: '记账日期', en: 'day', width: 12, cell: ({ row }) => text(row.biz_date) },
  { zh: '发生时间', en: 'time', width: 20, cell: ({ row }) => text(formatShanghai(row.fact_at)) },
  { zh: '类型', en: 'kind', width: 16, cell: ({ row }) => text(kinds[row.kind]) },
  { zh: '金额', en: 'amount', width: 14, cell: ({ amount_fen }) => ({ fen: amount_fen }) },
  { zh: '手续费', en: 'fee', width: 12, cell: ({ fee_fen }) => ({ fen: fee_fen }) },
  { zh: '净额', en: 'net', width: 14, cell: ({ net_fen }) => ({ fen: net_fen }) },
  { zh: '渠道', en: 'channel', width: 14, cell: ({ row }) => text(row.channel) },
  { zh: '支付方式', en: 'method', width: 18, cell: ({ row }) => text(row.method) },
  { zh: '商户订单号', en: 'merchant_order_no', width: 28, cell: ({ row }) => text(row.detail.merchant_order_no) },
  { zh: '商户退款单号', en: 'merchant_refund_no', width: 28, cell: ({ row }) => text(row.detail.merchant_refund_no) },
  { zh: '渠道订单号', en: 'channel_order_no', width: 34, cell: ({ row }) => text(row.detail.channel_order_no ?? row.detail.channel_refund_no) },
  { zh: '渠道交易号', en: 'channel_transaction_id', width: 34, cell: ({ row }) => text(row.detail.channel_transaction_id ?? row.detail.channel_refund_id) },
  { zh: '支付单', en: 'payment_id', width: 32, cell: ({ row }) => text(row.payment_id) },
  { zh: '退款单', en: 'refund_id', width: 32, cell: ({ row }) => text(row.refund_id) },
  { zh: '门店', en: 'store_id', width: 32, cell: ({ row }) => text(row.store_id) },
  { zh: '渠道账户', en: 'channel_account_id', width: 32, cell: ({ row }) => text(row.channel_account_id) },
  { zh: '凭证', en: 'posting_id', width: 32, cell: ({ row }) => text(row.id) },
];

/** `12.34`, `-0.05`. */
export const yuanOf = (cell: { readonly fen: Fen }): string => formatYuan(cell.fen);
