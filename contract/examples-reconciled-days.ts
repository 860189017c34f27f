import type { OperationExample } from './examples.ts';
import type { BillDay, DailyClose } from './reconciliation.ts';

const payments = { ours_fen: 3840, ledger_fen: 3840, bill_fen: 3840 };
const refunds = { ours_fen: 100, ledger_fen: 100, bill_fen: 100 };

const daily_close: DailyClose = {
  object: 'daily_close',
  livemode: false,
  biz_date: '2026-11-21',
  payments: { ...payments, accounts_fen: 3840 },
  refunds: { ...refunds, accounts_fen: 100 },
  fee_fen: 23,
  suspense_fen: 0,
  accounts: [
    {
      channel_account_id: 'acc_01KAK0000001234567890ABCDE',
      channel: 'wechatpay',
      statement_sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
      payments,
      refunds,
      fee_fen: 23,
      suspense_fen: 0,
      later: { payments_fen: 0, refunds_fen: 0 },
    },
  ],
  manifest: '{"accounts":[…],"biz_date":"2026-11-21",…}',
  signature: 'q83vEjRWeJA…',
  public_key: 'MCowBQYDK2VwAyEA…',
  closed_by: 'finance',
  closed_at: '2026-11-22T04:05:00.000Z',
};

const bill_day: BillDay = {
  object: 'bill_day',
  channel: 'wechatpay',
  channel_account_id: 'acc_01KAK0000001234567890ABCDE',
  kind: 'trade',
  biz_date: '2026-11-21',
  state: 'imported',
  problem: null,
  bill_id: 'bil_01KAP7000012345678ABCDEFGH',
  bill_version: 1,
  lines: 3,
  payment_fen: 3840,
  refund_fen: 0,
  open_exceptions: 1,
  matched_at: '2026-11-22T02:05:00.000Z',
  closed_at: null,
  close_version: null,
  changed_since_closing: null,
};

/** Days that are held against their bills, and closed ones of a merchant. */
export const reconciled_day_examples: Readonly<Record<string, OperationExample>> = {
  list_bill_days: { query: { from: '2026-11-01' }, response: { data: [bill_day] } },
  list_daily_closes: { query: { from: '2026-11-01' }, response: { data: [daily_close], next_cursor: null } },
};
