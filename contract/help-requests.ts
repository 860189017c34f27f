import Type, { type Static } from 'typebox';
import { write_errors } from './errors.ts';
import { amount, id, instant, nullable, page, page_query, text } from './fields.ts';
import { defineOperation } from './operation.ts';

export const help_kinds = ['question', 'refund'] as const;
export const help_states = ['opened', 'answered', 'refunded', 'closed'] as const;
export type HelpKind = (typeof help_kinds)[number];
export type HelpState = (typeof help_states)[number];

const kind = Type.Unsafe<HelpKind>({ type: 'string', enum: [...help_kinds], description: 'What the payer wants. 咨询或申请退款。' });
const state = Type.Unsafe<HelpState>({
  type: 'string',
  enum: [...help_states],
  description: '`refunded`: a refund was made for it; its outcome is the refund’s own. 状态；refunded 表示已为其发起退款，结果以退款单为准。',
});

export const HelpRequest = Type.Object(
  {
    object: Type.Literal('help_request'),
    id: id('hlp', 'Help request 客服请求.'),
    livemode: Type.Boolean(),
    payment_id: id('pay', 'The payment that it is about. 相关支付单。'),
    kind,
    state,
    message: nullable(Type.String({ description: 'What the payer wrote; null in events, since it may name persons. 付款人留言；事件中为 null。' })),
    contact: nullable(Type.String({ description: 'How the payer may be reached; null in events. 联系方式；事件中为 null。' })),
    answer: nullable(Type.String({ description: 'What the payer reads on the receipt. 商户答复。' })),
    refund_id: nullable(id('ref', 'The refund that was made for it. 对应退款单。')),
    created_at: instant('创建时间。'),
    updated_at: instant('最近变化时间。'),
    version: Type.Integer({ minimum: 1, description: '版本。' }),
  },
  { additionalProperties: false, description: 'A payer asked for help or for the money back. 付款人的客服请求。' },
);
export type HelpRequest = Static<typeof HelpRequest>;

const by_id = Type.Object({ help_request_id: id('hlp', 'Help request 客服请求.') }, { additionalProperties: false });

export const listHelpRequests = defineOperation({
  id: 'list_help_requests',
  sdk: ['helpRequests', 'list'],
  method: 'GET',
  path: '/v1/help_requests',
  scope: 'help_requests:read',
  summary: 'List what payers asked, newest first',
  summary_zh: '客服请求列表（新的在前）',
  query: Type.Object({ ...page_query, payment_id: Type.Optional(id('pay', '支付单。')), state: Type.Optional(state) }, { additionalProperties: false }),
  status: 200,
  response: page(HelpRequest),
  errors: ['cursor_invalid'],
});

export const retrieveHelpRequest = defineOperation({
  id: 'retrieve_help_request',
  sdk: ['helpRequests', 'retrieve'],
  method: 'GET',
  path: '/v1/help_requests/{help_request_id}',
  scope: 'help_requests:read',
  summary: 'Retrieve a help request',
  summary_zh: '查询客服请求',
  params: by_id,
  status: 200,
  response: HelpRequest,
  errors: ['help_request_not_found'],
});

export const AnswerHelpRequestBody = Type.Object({ answer: text(500, 'What the payer reads on the receipt. 答复内容。') }, { additionalProperties: false });

export const answerHelpRequest = defineOperation({
  id: 'answer_help_request',
  sdk: ['helpRequests', 'answer'],
  method: 'POST',
  path: '/v1/help_requests/{help_request_id}/answer',
  scope: 'help_requests:write',
  summary: 'Answer a payer; the answer stands on the receipt',
  summary_zh: '答复付款人（显示在凭证页）',
  params: by_id,
  body: AnswerHelpRequestBody,
  status: 200,
  response: HelpRequest,
  errors: [...write_errors, 'help_request_not_found', 'help_request_over'],
});

export const RefundHelpRequestBody = Type.Object({ amount_fen: amount('How much goes back. 退款金额。') }, { additionalProperties: false });

export const refundHelpRequest = defineOperation({
  id: 'refund_help_request',
  sdk: ['helpRequests', 'refund'],
  method: 'POST',
  path: '/v1/help_requests/{help_request_id}/refund',
  scope: 'refunds:write',
  summary: 'Refund the payment that a payer asked about, once for each request',
  summary_zh: '为该请求退款（每个请求一次）',
  params: by_id,
  body: RefundHelpRequestBody,
  status: 200,
  response: HelpRequest,
  errors: [
    ...write_errors,
    'help_request_not_found',
    'help_request_over',
    'payment_not_paid',
    'refund_exceeds_paid',
    'too_many_refunds',
    'merchant_refund_no_taken',
  ],
});

export const closeHelpRequest = defineOperation({
  id: 'close_help_request',
  sdk: ['helpRequests', 'close'],
  method: 'POST',
  path: '/v1/help_requests/{help_request_id}/close',
  scope: 'help_requests:write',
  summary: 'Close a help request',
  summary_zh: '关闭客服请求',
  params: by_id,
  status: 200,
  response: HelpRequest,
  errors: [...write_errors, 'help_request_not_found', 'help_request_over'],
});

export const ReceiptLink = Type.Object(
  { url: Type.String({ description: 'The receipt, for whoever has the link; works for a year. 付款凭证页，有效一年。' }), expires_at: instant('失效时间。') },
  { additionalProperties: false },
);

export const linkReceipt = defineOperation({
  id: 'link_receipt',
  sdk: ['payments', 'linkReceipt'],
  method: 'POST',
  path: '/v1/payments/{payment_id}/receipt_link',
  scope: 'payments:read',
  summary: "Get a link to the payer's receipt, where the payer may ask for help",
  summary_zh: '取得付款凭证页的链接（付款人可在其上求助）',
  params: Type.Object({ payment_id: id('pay', 'Payment 支付单.') }, { additionalProperties: false }),
  status: 201,
  response: ReceiptLink,
  errors: [...write_errors, 'payment_not_found'],
});
