import type { OperationExample } from './examples.ts';
import type { LedgerBalance, Margin } from './ledger.ts';

const whose = { livemode: false, channel_account_id: 'acc_01KAK0000001234567890ABCDE' } as const;

const receivable: LedgerBalance = {
  object: 'ledger_balance',
  ...whose,
  account: 'channel_receivable',
  currency: 'CNY',
  debit_fen: 3840,
  credit_fen: 23,
  balance_fen: 3817,
};

const margin: Margin = { object: 'margin', ...whose, channel: 'wechatpay', service_fee_fen: 31, channel_fee_fen: 23, margin_fen: 8, complete: true };

/** Examples of the operations on the ledger. */
export const ledger_examples: Readonly<Record<string, OperationExample>> = {
  list_ledger_balances: { query: { at: '2026-11-21T18:00:00+08:00' }, response: { data: [receivable], complete: true } },
  list_margins: { query: { from: '2026-11-01', through: '2026-11-21' }, response: { data: [margin] } },
};
