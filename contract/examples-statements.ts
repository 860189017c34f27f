import type { OperationExample } from './examples.ts';
import type { Statement } from './statements.ts';

const account = 'acc_01KAK0000001234567890ABCDE';

const statement: Statement = {
  object: 'statement',
  id: 'stm_01KAMF4T80J1K2M3N4P5Q6R7S9',
  livemode: false,
  from: '2026-11-01',
  through: '2026-11-21',
  store_id: null,
  state: 'ready',
  provisional: false,
  open_days: 0,
  lines: 2,
  totals: {
    payments: 1,
    gross_fen: 1280,
    refunds: 1,
    refunded_fen: 280,
    fee_fen: 6,
    net_fen: 994,
    by_method: [
      {
        channel: 'wechatpay',
        method: 'wechat_qr',
        channel_account_id: account,
        payments: 1,
        gross_fen: 1280,
        refunds: 1,
        refunded_fen: 280,
        fee_fen: 6,
        net_fen: 994,
      },
    ],
    arrivals: [
      {
        biz_date: '2026-11-21',
        channel_account_id: account,
        net_fen: 994,
        expected_fen: 994,
        channel_fee: 'bill',
        expected_on: '2026-11-23',
        confirmed: false,
      },
    ],
    later: null,
  },
  files: [
    { format: 'csv', bytes: 941, sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08' },
    { format: 'xlsx', bytes: 3276, sha256: '60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752' },
  ],
  manifest: '{"files":[…],"from":"2026-11-01",…}',
  signature: 'PNeTyGM0Yx…',
  public_key: 'MCowBQYDK2VwAyEA…',
  created_at: '2026-11-22T02:00:00.000Z',
  ready_at: '2026-11-22T02:00:01.000Z',
};

/** Examples of the operations on statements. */
export const statement_examples: Readonly<Record<string, OperationExample>> = {
  create_statement: {
    body: { from: statement.from, through: statement.through },
    response: {
      ...statement,
      state: 'preparing',
      provisional: null,
      open_days: null,
      lines: null,
      totals: null,
      files: [],
      manifest: null,
      signature: null,
      public_key: null,
      ready_at: null,
    },
  },
  retrieve_statement: { params: { statement_id: statement.id }, response: statement },
  list_statements: { query: { limit: 20 }, response: { data: [statement], next_cursor: null } },
  link_statement: {
    params: { statement_id: statement.id },
    body: { format: 'xlsx', expires_in_s: 86_400 },
    response: { url: 'https://pay.example/c/statement?token=AWRla18…', expires_at: '2026-11-23T02:00:00.000Z' },
  },
};
