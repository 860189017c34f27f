import Type, { type Static } from 'typebox';
import { write_errors } from './errors.ts';
import { day, id, instant, nullable, page, page_query } from './fields.ts';
import { defineOperation } from './operation.ts';

export const statement_states = ['preparing', 'ready'] as const;
export type StatementState = (typeof statement_states)[number];
export const statement_formats = ['csv', 'xlsx'] as const;
export type StatementFormat = (typeof statement_formats)[number];

const count = (description: string) => Type.Integer({ description });
const signed = (description: string) => Type.Integer({ description: `${description} In fen 分; may be below zero.` });

const sums = {
  payments: count('收款笔数。'),
  gross_fen: signed('What was paid. 收款金额。'),
  refunds: count('退款笔数。'),
  refunded_fen: signed('What went back. 退款金额。'),
  fee_fen: signed('Fees by the price, less what refunds returned of them. 手续费（已扣除退回部分）。'),
  net_fen: signed('Paid less refunded less fees. 净额＝收款－退款－手续费。'),
};

export const StatementGroup = Type.Object(
  {
    channel: Type.String({ description: '渠道。' }),
    method: Type.String({ description: '支付方式。' }),
    channel_account_id: Type.String({ description: '渠道账户。' }),
    ...sums,
  },
  { additionalProperties: false, description: 'One channel account and method. 按渠道账户与支付方式汇总。' },
);
export type StatementGroup = Static<typeof StatementGroup>;

export const StatementTotals = Type.Object(
  {
    ...sums,
    by_method: Type.Array(StatementGroup),
    arrivals: Type.Array(
      Type.Object(
        {
          biz_date: day('The day of the lines. 记账日。'),
          channel_account_id: Type.String({ description: '渠道账户。' }),
          net_fen: signed('After the fee by the price. 按费率扣除后的净额。'),
          expected_fen: Type.Optional(
            nullable(
              signed(
                'What the channel is expected to pay: paid less refunded less its own fee; null where that fee is not known. 预计到账金额＝收款－退款－渠道手续费；手续费未知时为空。',
              ),
            ),
          ),
          channel_fee: Type.Optional(
            nullable(
              Type.Unsafe<'bill' | 'rate'>({
                type: 'string',
                enum: ['bill', 'rate'],
                description: "Whence the channel's fee is known: the day's bill, or the rate that was agreed on. 渠道手续费来源：当日账单，或约定费率。",
              }),
            ),
          ),
          expected_on: day('When the channel is expected to pay. 预计到账日。'),
          confirmed: Type.Boolean({ description: 'False where terms or holidays are supposed and not confirmed. 结算周期与节假日是否已确认。' }),
        },
        { additionalProperties: false },
      ),
      { description: 'Heliu moves no money: the channel pays the merchant. 资金由渠道直接结算给商户，此处仅为预计。' },
    ),
    later: Type.Optional(
      nullable(
        Type.Object(
          { statement_id: id('stm', 'The statement of the days before. 前一期结算单。'), lines: count('行数。'), ...sums },
          {
            additionalProperties: false,
            description:
              'What counts on earlier days and was posted after the statement of the days before: in no sum here, and not in that one. Null where that statement is not there. 前一期结算单生成之后才入账、属于更早日期的款项：不计入本期各项合计，前一期亦未包含；无前一期时为空。',
          },
        ),
      ),
    ),
  },
  { additionalProperties: false },
);
export type StatementTotals = Static<typeof StatementTotals>;

export const Statement = Type.Object(
  {
    object: Type.Literal('statement'),
    id: id('stm', 'Statement 结算单.'),
    livemode: Type.Boolean(),
    from: day('First day. 起始日。'),
    through: day('Last day. 截止日。'),
    store_id: nullable(id('sto', 'Of this store only. 仅该门店。')),
    state: Type.Unsafe<StatementState>({ type: 'string', enum: [...statement_states], description: 'Its files can be fetched once it is `ready`. 状态。' }),
    provisional: nullable(
      Type.Boolean({
        description:
          'True where more may come of its days: the period was not over, or days were not closed in reconciliation, when it was made. Null for one that is being prepared. 暂定：生成时期间未结束，或有账单日未日结。',
      }),
    ),
    open_days: nullable(count('Days of channel accounts that were not closed in reconciliation. 未日结的账单日数。')),
    lines: nullable(count('行数。')),
    totals: nullable(StatementTotals),
    files: Type.Array(
      Type.Object(
        {
          format: Type.Unsafe<StatementFormat>({ type: 'string', enum: [...statement_formats] }),
          bytes: count('字节数。'),
          sha256: Type.String({ description: 'Hex. 文件摘要。' }),
        },
        { additionalProperties: false },
      ),
    ),
    manifest: nullable(Type.String({ description: 'What is signed, byte for byte: totals and digests as JSON. 被签名的原文。' })),
    signature: nullable(Type.String({ description: 'Ed25519 over the bytes of `manifest`, base64. 签名。' })),
    public_key: nullable(Type.String({ description: 'SPKI, base64. 公钥。' })),
    created_at: instant('创建时间。'),
    ready_at: nullable(instant('完成时间。')),
  },
  { additionalProperties: false, description: 'What a period brought: payments, refunds, fees, net, with its lines. 结算单。' },
);
export type Statement = Static<typeof Statement>;

export const CreateStatementBody = Type.Object(
  {
    from: day('First day. 起始日。'),
    through: day('Last day, today at the latest; at most 366 days. 截止日，不晚于今日，最长 366 天。'),
    store_id: Type.Optional(id('sto', 'Of this store only. 仅该门店。')),
  },
  { additionalProperties: false },
);
export type CreateStatementBody = Static<typeof CreateStatementBody>;

const by_id = Type.Object({ statement_id: id('stm', 'Statement 结算单.') }, { additionalProperties: false });

export const createStatement = defineOperation({
  id: 'create_statement',
  sdk: ['statements', 'create'],
  method: 'POST',
  path: '/v1/statements',
  scope: 'statements:write',
  summary: 'Ask for the statement of a period; it is prepared in the background',
  summary_zh: '生成一段时间的结算单（后台准备）',
  body: CreateStatementBody,
  status: 201,
  response: Statement,
  errors: [...write_errors, 'store_not_found', 'statement_period_invalid', 'too_many_statements'],
});

export const retrieveStatement = defineOperation({
  id: 'retrieve_statement',
  sdk: ['statements', 'retrieve'],
  method: 'GET',
  path: '/v1/statements/{statement_id}',
  scope: 'statements:read',
  summary: 'Retrieve a statement',
  summary_zh: '查询结算单',
  params: by_id,
  status: 200,
  response: Statement,
  errors: ['statement_not_found'],
});

export const listStatements = defineOperation({
  id: 'list_statements',
  sdk: ['statements', 'list'],
  method: 'GET',
  path: '/v1/statements',
  scope: 'statements:read',
  summary: 'List statements, newest first',
  summary_zh: '结算单列表（新的在前）',
  query: Type.Object({ ...page_query }, { additionalProperties: false }),
  status: 200,
  response: page(Statement),
  errors: ['cursor_invalid'],
});

export const linkStatement = defineOperation({
  id: 'link_statement',
  sdk: ['statements', 'link'],
  method: 'POST',
  path: '/v1/statements/{statement_id}/link',
  scope: 'statements:read',
  summary: 'A link to a file of a ready statement, good for a quarter of an hour or up to seven days, and fit for an e-mail',
  summary_zh: '获取结算单文件的下载链接，可放进邮件',
  params: by_id,
  body: Type.Object(
    {
      format: Type.Unsafe<StatementFormat>({ type: 'string', enum: [...statement_formats], description: '文件格式。' }),
      expires_in_s: Type.Optional(
        Type.Integer({
          minimum: 60,
          maximum: 604_800,
          description: 'How long it opens the file, in seconds: 900 unless told; days for an e-mail that is read later. 有效秒数，默认 900，最长 7 天。',
        }),
      ),
    },
    { additionalProperties: false },
  ),
  status: 200,
  response: Type.Object(
    {
      url: Type.String({ description: 'Whoever has it may fetch the file until it expires. 下载地址，到期前凭此下载。' }),
      expires_at: instant('到期时间。'),
    },
    { additionalProperties: false },
  ),
  errors: [...write_errors, 'statement_not_found', 'statement_not_ready'],
});
