import type { OperationExample } from './examples.ts';
import type { BankCredit } from './reconciliation.ts';

const account = 'acc_01KAK0000001234567890ABCDE';

const bank_credit: BankCredit = {
  object: 'bank_credit',
  id: 'bcr_01KAMDZ2Q1A2B3C4D5E6F7G8H9',
  livemode: false,
  channel: 'wechatpay',
  channel_account_id: account,
  reference: '2026112300017',
  received_on: '2026-11-23',
  amount_fen: 3817,
  payer: '财付通支付科技有限公司',
  settles: ['2026-11-20', '2026-11-21', '2026-11-22'],
  created_at: '2026-11-24T02:05:00.000Z',
};

/** What banks credited for channels. */
export const bank_examples: Readonly<Record<string, OperationExample>> = {
  list_bank_credits: { query: { channel_account_id: account }, response: { data: [bank_credit], next_cursor: null } },
};
