import Type, { type Static } from 'typebox';
import { amountShown, currency, day, id, instant } from './fields.ts';
import { defineOperation } from './operation.ts';

/** Accounts of the ledger that are a merchant's own. What agents are to get is between them and the operator. */
export const ledger_accounts = ['channel_receivable', 'merchant_due', 'channel_fee', 'service_fee', 'refund_in_transit', 'suspense'] as const;
export type LedgerAccount = (typeof ledger_accounts)[number];

const signed = (description: string) => Type.Integer({ description: `${description} In fen 分; may be below zero. 可为负。` });

export const LedgerBalance = Type.Object(
  {
    object: Type.Literal('ledger_balance'),
    livemode: Type.Boolean(),
    account: Type.Unsafe<LedgerAccount>({
      type: 'string',
      enum: [...ledger_accounts],
      description:
        'Receivable from the channel, due to the merchant, the channel’s fee, the service fee, refunds in transit, suspense. 应收渠道、应结商户、渠道手续费、服务费、退款在途、挂账。',
    }),
    channel_account_id: id('acc', '渠道账户。'),
    currency,
    debit_fen: amountShown('借方合计。'),
    credit_fen: amountShown('贷方合计。'),
    balance_fen: signed('Debit less credit: usually below zero on `merchant_due`, `service_fee`, `refund_in_transit` and `suspense`. 借方减贷方。'),
  },
  {
    additionalProperties: false,
    description: 'What stands on an account. Heliu remembers and holds no money: nobody can draw from it. 科目余额，仅为记账，不可提取。',
  },
);
export type LedgerBalance = Static<typeof LedgerBalance>;

export const listLedgerBalances = defineOperation({
  id: 'list_ledger_balances',
  sdk: ['ledgerBalances', 'list'],
  method: 'GET',
  path: '/v1/ledger_balances',
  scope: 'ledger:read',
  summary: 'What stands on each account of the merchant in the ledger: now, at the end of a day, or at an instant',
  summary_zh: '商户各科目余额：当前、某日终或某时刻',
  query: Type.Object(
    {
      through: Type.Optional(day('At the end of that day; not beside `at`. 该日终的余额，不与 at 同用。')),
      at: Type.Optional(instant('At that instant. 该时刻的余额。')),
    },
    { additionalProperties: false },
  ),
  status: 200,
  response: Type.Object(
    {
      data: Type.Array(LedgerBalance),
      complete: Type.Boolean({ description: 'False while something that happened until then is still to be posted. 是否已全部入账。' }),
    },
    { additionalProperties: false },
  ),
  errors: [],
});

export const Margin = Type.Object(
  {
    object: Type.Literal('margin'),
    livemode: Type.Boolean(),
    channel: Type.String({ description: '渠道。' }),
    channel_account_id: id('acc', '渠道账户。'),
    service_fee_fen: signed('Fees by the price, less what refunds returned of them. 按费率的服务费（已扣除退回部分）。'),
    channel_fee_fen: signed('What the channel kept, by its bills. 渠道实际手续费，按账单。'),
    margin_fen: signed('The one less the other. 二者之差。'),
    complete: Type.Boolean({ description: 'No bill of the period is missing; otherwise the channel’s fee is not all there. 期内账单是否齐全。' }),
  },
  { additionalProperties: false, description: 'Our fee beside the channel’s own, by channel account. 毛利：服务费与渠道实际手续费。' },
);
export type Margin = Static<typeof Margin>;

export const listMargins = defineOperation({
  id: 'list_margins',
  sdk: ['margins', 'list'],
  method: 'GET',
  path: '/v1/margins',
  scope: 'ledger:read',
  summary: 'By channel account: the fee by the price beside what the channel kept, in a period of at most 366 days',
  summary_zh: '按渠道账户：费率服务费与渠道实际手续费（最长 366 天）',
  query: Type.Object({ from: day('First day. 起始日。'), through: day('Last day. 截止日。') }, { additionalProperties: false }),
  status: 200,
  response: Type.Object({ data: Type.Array(Margin) }, { additionalProperties: false }),
  errors: ['statement_period_invalid'],
});
