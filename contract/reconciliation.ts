import Type, { type Static } from 'typebox';
import { amountShown, day, id, instant, nullable, page, page_query, text } from './fields.ts';
import { defineOperation } from './operation.ts';

/** What can be wrong between a channel's bill and us. A kind is for ever. */
export const exception_kinds = {
  ours_only: ['A payment of ours that the bill does not have.', '长款：我方有，账单无'],
  bill_only: ['A payment with a number of ours that we do not know.', '短款：账单有，我方无'],
  orphan: ['A line whose number was never ours.', '孤儿交易：非我方单号'],
  unknown_paid: ['A payment whose outcome was not known; the bill says that it was paid.', '结果不明，账单证实已支付'],
  late_paid: ['A payment that was closed here; the bill says that it was paid.', '关单后到账（迟到款项）'],
  amount_mismatch: ['The amounts differ.', '金额不符'],
  currency_mismatch: ['The currencies differ.', '币种不符'],
  transaction_mismatch: ["The channel's own numbers differ.", '渠道交易号不符'],
  wrong_receiver: ['The money went to another merchant number.', '收款主体不符'],
  state_mismatch: ['The bill says failed where we say succeeded.', '状态不符'],
  fee_mismatch: ['The fee is not what the rate gives.', '手续费不符'],
  rounding: ['The fee is off by its rounding.', '手续费尾差'],
  duplicate_line: ['The bill has the same line twice.', '账单重复行'],
  refund_ours_only: ['A refund of ours that the bill does not have.', '退款单边：我方有，账单无'],
  refund_bill_only: ['A refund that we never asked for.', '退款单边：账单有，我方无'],
  refund_unknown: ['A refund whose outcome was not known; the bill says that it went through.', '退款结果不明，账单证实成功'],
  refund_hold: ['A refund that the channel still holds.', '退款在途挂起'],
  reversal: ['The channel took a payment back, and we know of no cancel.', '冲正差异'],
  split_mismatch: ['Money was split off that we never split.', '分账不符'],
  cut_off: ["Paid around the end of the channel's day: expected in the bill of the next one.", '日切滚动：预计在次日账单'],
  stale: ['The outcome is still not known after the day was billed.', '挂账超期：账单日后结果仍不明'],
  missing_bill: ['The channel has not published the bill.', '账单缺失'],
  bill_refused: ['The bill is broken and was refused.', '账单无法读取'],
  reissued: ['The channel issued the bill again, and a line changed.', '账单重发变更'],
  fund_mismatch: ['The balance did not move by what the trade bill says.', '资金账单与业务账单不符'],
  bank_short: ['The bank credited less than the bills come to, or what no bill explains.', '银行少付或到账不符'],
  adjustment: ['A line of the file of errors that the channel set right: what it is worth is not known.', '渠道差错明细待核'],
} as const satisfies Record<string, readonly [en: string, zh: string]>;
export type ExceptionKind = keyof typeof exception_kinds;

/** What to do next about each kind: what its proposed repair does, or what a person looks for. */
export const exception_advice = {
  ours_only: [
    'Repair asks the channel. Paid there: wait for the next bill, then write to suspense; not there: ask the channel’s support.',
    '执行修复即向渠道查询。渠道称已支付的，等次日账单，仍无则挂账；渠道称无此单的，联系渠道客服。',
  ],
  bill_only: [
    'Look for the order at the merchant and in backups by its number: it was ours and is not in the books. Write to suspense until found.',
    '按单号在商户系统与备份中查找：曾是我方订单而账上没有；查明前先挂账。',
  ],
  orphan: [
    'Find what else uses this merchant number (another till, the channel’s own page); accept once named.',
    '查明还有谁在使用该商户号（其他收银系统、渠道自带页面），确认后接受。',
  ],
  unknown_paid: ['Repair completes the payment by the bill; by itself where the bill was fetched.', '执行修复即按账单补单；自动取得的账单会自动补单。'],
  late_paid: ['Repair records the money; it goes back or stays by the merchant’s policy for late money.', '执行修复即入账；按商户的迟到款项政策退回或保留。'],
  amount_mismatch: [
    'Compare order, notification and bill line; a discount or a partial refund explains it, or write to suspense.',
    '比对订单、通知与账单行，看是否为优惠或部分退款；不能解释则挂账。',
  ],
  currency_mismatch: [
    'Check the currency of the account at the channel; write to suspense: nothing of it is owed in ours.',
    '核对渠道侧账户币种；挂账：该币种以我方币种计并无应收。',
  ],
  transaction_mismatch: [
    'Check both numbers at the channel: a second order of the payer, or a corrected number; accept once explained.',
    '到渠道核对两个交易号：付款人另有一单，或渠道更正了单号；查明后接受。',
  ],
  wrong_receiver: [
    'Check the merchant number of the account; claim the money from whoever received it; write to suspense.',
    '核对渠道账户的商户号，向实际收款方追索；挂账。',
  ],
  state_mismatch: ['Repair asks the channel. Decide with its answer: accept, or write to suspense.', '执行修复即向渠道查询，据答复接受或挂账。'],
  fee_mismatch: [
    'Compare the rate with the contract (`heliu recon rate`); claim the excess from the channel, or write to suspense.',
    '核对签约费率（`heliu recon rate`）；多收的向渠道追索，或挂账。',
  ],
  rounding: ['Accepted by itself where the bill was fetched.', '自动取得的账单会自动接受。'],
  duplicate_line: [
    'See at the channel whether the payer paid twice; once: ask for a corrected bill, twice: refund the second.',
    '到渠道查看付款人是否付了两次；一次则请渠道更正账单，两次则退还其一。',
  ],
  refund_ours_only: [
    'Repair asks the channel. Refunded there: wait for the next bill, then write to suspense; it is never sent again.',
    '执行修复即向渠道查询。已退款的等次日账单，仍无则挂账；不会重发退款。',
  ],
  refund_bill_only: [
    'Find who refunded in the channel’s own console; write to suspense until the merchant confirms it.',
    '查明谁在渠道后台退款；商户确认前先挂账。',
  ],
  refund_unknown: ['Repair completes the refund by the bill; by itself where the bill was fetched.', '执行修复即按账单完成退款；自动取得的账单会自动完成。'],
  refund_hold: [
    'Repair asks the channel and takes its answer; a payer’s closed card holds refunds for days.',
    '执行修复即向渠道查询并按答复更新；付款人销卡会使退款滞留数日。',
  ],
  reversal: [
    'Find the reason of the reversal at the channel (risk, dispute); write to suspense until it is settled.',
    '到渠道查明冲正原因（风控、争议）；了结前先挂账。',
  ],
  split_mismatch: ['Find who set up the split at the channel; stop it or accept it.', '查明谁在渠道设置了分账；停用或接受。'],
  cut_off: ['Nothing: the bill of the next day has it, or it becomes one-sided by itself.', '无须处理：次日账单会有，否则自动转为单边。'],
  stale: ['Repair asks the channel and takes its answer.', '执行修复即向渠道查询并按答复更新。'],
  missing_bill: ['Repair fetches the bill again; or import it by hand (`heliu bill import`).', '执行修复即再取账单；或人工导入（`heliu bill import`）。'],
  bill_refused: [
    'Repair fetches the bill again; see its line and reason (`heliu bill show`) and tell the channel.',
    '执行修复即再取账单；用 `heliu bill show` 看行号与原因，并告知渠道。',
  ],
  reissued: ['See what changed, ask the channel why, then accept.', '看清变更之处，问明渠道原因后接受。'],
  fund_mismatch: ['Compare both bills: a fee, a freeze or a withdrawal outside trade explains it.', '比对资金账单与业务账单：是否有业务外的收费、冻结或提现。'],
  bank_short: [
    'Look for the credit on the statement of another account or day; missing: ask the channel, unexplained: ask the bank.',
    '在其他账户或日期的流水中查找；未到的问渠道，不明的问银行。',
  ],
  adjustment: [
    'Read its columns in the evidence and look the transaction up in the channel’s own console; nothing is booked by it: accept once its effect is known and found in a later bill or credit.',
    '看证据中的各列，到渠道后台查该笔交易；系统不据此记账，查明影响并在后续账单或到账中见到后接受。',
  ],
} as const satisfies Record<ExceptionKind, readonly [en: string, zh: string]>;

export const exception_kind_names = Object.keys(exception_kinds) as ExceptionKind[];

export const exception_states = ['opened', 'proposed', 'approved', 'repaired', 'accepted', 'suspense', 'closed'] as const;
export type ExceptionState = (typeof exception_states)[number];

const oneOf = <const T extends readonly string[]>(values: T, description: string) => Type.Unsafe<T[number]>({ type: 'string', enum: [...values], description });
const kind = Type.Unsafe<ExceptionKind>({ type: 'string', enum: exception_kind_names, description: 'What is wrong. 差错类型。' });

export const ReconException = Type.Object(
  {
    object: Type.Literal('recon_exception'),
    id: id('exc', 'Exception 差错.'),
    livemode: Type.Boolean(),
    kind,
    state: oneOf(exception_states, 'Where its handling stands. 处理状态。'),
    biz_date: day('The day of the bill. 账单日。'),
    channel: Type.String({ description: '渠道。' }),
    channel_account_id: id('acc', '渠道账户。'),
    payment_id: nullable(id('pay', '相关支付单。')),
    object_id: nullable(Type.String({ description: 'The attempt or refund. 支付尝试或退款。' })),
    channel_order_no: nullable(Type.String({ description: '我方在渠道侧的订单号。' })),
    channel_transaction_id: nullable(Type.String({ description: '渠道交易号。' })),
    our_fen: amountShown('What we have. 我方金额。'),
    bill_fen: amountShown('What the bill has. 账单金额。'),
    at_risk_fen: amountShown('What could be lost. 风险金额。'),
    proposal: Type.String({
      description: 'The repair that Heliu proposes; `investigate`: a person finds out what it is. 建议的处理；`investigate` 为人工查明。',
    }),
    detail: Type.Record(Type.String(), Type.String(), { description: 'Evidence in words. 证据摘要。' }),
    owner: nullable(Type.String({ description: 'Who handles it. 责任人。' })),
    resolution: nullable(Type.String({ description: 'How it ended. 结果。' })),
    opened_at: instant('发现时间。'),
    closed_at: nullable(instant('关闭时间。')),
    version: Type.Integer({ minimum: 1 }),
  },
  { additionalProperties: false, description: 'A difference between a bill and us. 账单与我方之间的差错。' },
);
export type ReconException = Static<typeof ReconException>;

export const BillDay = Type.Object(
  {
    object: Type.Literal('bill_day'),
    channel: Type.String({ description: '渠道。' }),
    channel_account_id: id('acc', '渠道账户。'),
    kind: oneOf(['trade', 'fund'], '`trade` 业务账单，`fund` 资金账单。'),
    biz_date: day('The day. 账单日。'),
    state: oneOf(['wanted', 'imported', 'empty'], '`wanted`: not there yet. 未取得、已入账、当日无交易。'),
    problem: nullable(Type.String({ description: 'Why the last look brought nothing. 最近一次未取得的原因。' })),
    bill_id: nullable(id('bil', '当前账单。')),
    bill_version: nullable(Type.Integer({ minimum: 1, description: 'More than 1: the channel issued it again. 版本，大于 1 为重发。' })),
    lines: nullable(Type.Integer({ minimum: 0, description: '笔数。' })),
    payment_fen: nullable(amountShown('Paid, by the bill. 账单收款合计。')),
    refund_fen: nullable(amountShown('Refunded, by the bill. 账单退款合计。')),
    open_exceptions: Type.Integer({ minimum: 0, description: 'Exceptions of the day that are not closed. 未关闭的差错数。' }),
    matched_at: nullable(instant('对账时间。')),
    closed_at: nullable(instant('日结时间。')),
    close_version: nullable(Type.Integer({ minimum: 1, description: 'How often the day was closed: more than 1 after something came later. 日结版本。' })),
    changed_since_closing: nullable(
      Type.Object(
        {
          bill: Type.Boolean({ description: 'Another bill is that of the day. 账单已换。' }),
          exceptions: Type.Integer({
            minimum: 0,
            description: 'Exceptions that were opened, opened again or settled since. 日结后新开、重开或处理过的差错数。',
          }),
          payments_fen: Type.Integer({
            description: 'By how much the payments of the day have grown, as of the last matching. 日结后增加的收款（截至最近一次对账）。',
          }),
          refunds_fen: Type.Integer({ description: 'And the refunds. 日结后增加的退款。' }),
        },
        {
          additionalProperties: false,
          description:
            'What came into the day after it was closed. The signed statement stays as it is; closing again signs a further version. 日结后的变化；已签名的日结单不变，可再次日结。',
        },
      ),
    ),
  },
  { additionalProperties: false, description: 'A day of a channel account. 渠道账户的一个账单日。' },
);
export type BillDay = Static<typeof BillDay>;

export const listBillDays = defineOperation({
  id: 'list_bill_days',
  sdk: ['billDays', 'list'],
  method: 'GET',
  path: '/v1/bill_days',
  scope: 'reconciliation:read',
  summary: 'List the days whose bills are wanted, imported or empty, newest first',
  summary_zh: '账单日列表（新的在前）',
  query: Type.Object(
    {
      channel_account_id: Type.Optional(id('acc', '渠道账户。')),
      from: Type.Optional(day('This day and later. 起始日（含）。')),
      to: Type.Optional(day('This day and earlier. 截止日（含）。')),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, description: 'Rows, 100 unless told. 条数。' })),
    },
    { additionalProperties: false },
  ),
  status: 200,
  response: Type.Object({ data: Type.Array(BillDay) }, { additionalProperties: false }),
  errors: [],
});

export const listReconExceptions = defineOperation({
  id: 'list_recon_exceptions',
  sdk: ['reconExceptions', 'list'],
  method: 'GET',
  path: '/v1/recon_exceptions',
  scope: 'reconciliation:read',
  summary: 'List differences between bills and us, newest first',
  summary_zh: '差错列表（新的在前）',
  query: Type.Object(
    {
      ...page_query,
      kind: Type.Optional(kind),
      state: Type.Optional(oneOf([...exception_states, 'open'], '`open`: every state but closed. `open` 为未关闭。')),
      channel_account_id: Type.Optional(id('acc', '渠道账户。')),
      channel: Type.Optional(Type.String({ minLength: 1, maxLength: 40, pattern: '^[a-z0-9_]+$', description: 'Of all accounts at this channel. 渠道。' })),
      biz_date: Type.Optional(day('账单日。')),
      from: Type.Optional(day('This day and later. 起始日（含）。')),
      to: Type.Optional(day('This day and earlier. 截止日（含）。')),
      opened_before: Type.Optional(instant('Open since before this time: since it was opened again, where it was. 此时之前发现（或重开）。')),
      at_risk_from_fen: Type.Optional(
        Type.Integer({ minimum: 0, maximum: 1_000_000_000_000, description: 'This much at risk, in fen, or more. 风险金额不低于（分）。' }),
      ),
      owner: Type.Optional(text(64, 'Whose it is; `none` for what is nobody’s. 责任人；`none` 为无人负责。')),
    },
    { additionalProperties: false },
  ),
  status: 200,
  response: page(ReconException),
  errors: ['cursor_invalid'],
});

export const retrieveReconException = defineOperation({
  id: 'retrieve_recon_exception',
  sdk: ['reconExceptions', 'retrieve'],
  method: 'GET',
  path: '/v1/recon_exceptions/{recon_exception_id}',
  scope: 'reconciliation:read',
  summary: 'Retrieve a difference',
  summary_zh: '查询差错',
  params: Type.Object({ recon_exception_id: id('exc', 'Exception 差错.') }, { additionalProperties: false }),
  status: 200,
  response: ReconException,
  errors: ['recon_exception_not_found'],
});

export const BankCredit = Type.Object(
  {
    object: Type.Literal('bank_credit'),
    id: id('bcr', 'Bank credit 银行到账.'),
    livemode: Type.Boolean(),
    channel: Type.String({ description: '渠道。' }),
    channel_account_id: id('acc', '渠道账户。'),
    reference: Type.String({ description: "The bank's own number of the movement. 银行流水号。" }),
    received_on: day('When the bank credited it. 到账日。'),
    amount_fen: amountShown('What came. 到账金额。'),
    payer: nullable(Type.String({ description: 'Who paid, as the bank names it. 付款方。' })),
    settles: Type.Array(day('账单日。'), { description: 'The days of bills that it is, alone or with others, the sum of. 对应的账单日；空为未对应。' }),
    created_at: instant('导入时间。'),
  },
  { additionalProperties: false, description: 'What a bank credited for a channel. 渠道的一笔银行到账。' },
);
export type BankCredit = Static<typeof BankCredit>;

export const listBankCredits = defineOperation({
  id: 'list_bank_credits',
  sdk: ['bankCredits', 'list'],
  method: 'GET',
  path: '/v1/bank_credits',
  scope: 'reconciliation:read',
  summary: 'List what banks credited for channels, newest first',
  summary_zh: '银行到账列表（新的在前）',
  query: Type.Object({ ...page_query, channel_account_id: Type.Optional(id('acc', '渠道账户。')) }, { additionalProperties: false }),
  status: 200,
  response: page(BankCredit),
  errors: ['cursor_invalid'],
});

const signed = (description: string) => Type.Integer({ description: `${description} In fen 分; may be below zero. 可为负。` });
const side = {
  ours_fen: amountShown('The platform. 平台。'),
  ledger_fen: amountShown('The ledger, which equals it. 账本，与平台相等。'),
  bill_fen: amountShown('The bills of that day; what they differ by is explained by other days and exceptions. 当日账单，差额由其他账单日与差错解释。'),
};
const posted = {
  fee_fen: signed("The channels' fee, as it is posted. 已记账的渠道手续费。"),
  suspense_fen: signed('What stands in suspense. 挂账。'),
};
const AccountSide = Type.Object(side, { additionalProperties: false });
const MerchantSide = Type.Object(
  { ...side, accounts_fen: amountShown('The sum of the channel accounts, which equals it. 各渠道账户之和，与平台相等。') },
  { additionalProperties: false },
);

export const DailyClose = Type.Object(
  {
    object: Type.Literal('daily_close'),
    livemode: Type.Boolean(),
    biz_date: day('The closed day. 日结日。'),
    payments: MerchantSide,
    refunds: MerchantSide,
    ...posted,
    accounts: Type.Array(
      Type.Object(
        {
          channel_account_id: id('acc', '渠道账户。'),
          channel: Type.String({ description: '渠道。' }),
          statement_sha256: Type.String({ description: "Of the account's own signed statement, hex. 该账户日结单的摘要。" }),
          payments: AccountSide,
          refunds: AccountSide,
          ...posted,
          later: Type.Object(
            { payments_fen: signed('收款。'), refunds_fen: signed('退款。') },
            {
              additionalProperties: false,
              description: "What became of that day after the account's own statement was signed. 该账户日结后才归入该日的金额。",
            },
          ),
        },
        { additionalProperties: false },
      ),
      { description: 'Every channel account that the day has. 该日涉及的全部渠道账户。' },
    ),
    manifest: Type.String({ description: 'What is signed, byte for byte, as JSON. 被签名的原文。' }),
    signature: Type.String({ description: 'Ed25519 over the bytes of `manifest`, base64. 签名。' }),
    public_key: Type.String({ description: 'SPKI, base64. 公钥。' }),
    closed_by: Type.String({ description: 'Who closed it. 日结人。' }),
    closed_at: instant('日结时间。'),
  },
  { additionalProperties: false, description: 'The closed day of a merchant: platform = ledger = the sum of all its channel accounts. 商户日结。' },
);
export type DailyClose = Static<typeof DailyClose>;

export const listDailyCloses = defineOperation({
  id: 'list_daily_closes',
  sdk: ['dailyCloses', 'list'],
  method: 'GET',
  path: '/v1/daily_closes',
  scope: 'reconciliation:read',
  summary: 'List the closed days of the merchant, newest first',
  summary_zh: '商户日结列表（新的在前）',
  query: Type.Object(
    {
      ...page_query,
      from: Type.Optional(day('This day and later. 起始日（含）。')),
      to: Type.Optional(day('This day and earlier. 截止日（含）。')),
    },
    { additionalProperties: false },
  ),
  status: 200,
  response: page(DailyClose),
  errors: ['cursor_invalid'],
});
