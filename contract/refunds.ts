import Type, { type Static } from 'typebox';
import { write_errors } from './errors.ts';
import { amount, ChannelRefusal, currency, id, instant, Metadata, merchantNo, nullable, page, page_query, text } from './fields.ts';
import { defineOperation } from './operation.ts';
import { by_order_no } from './payments.ts';

export const refund_states = ['sending', 'pending', 'succeeded', 'refused'] as const;
export const refund_causes = ['merchant', 'duplicate', 'late', 'cancel'] as const;
export type RefundState = (typeof refund_states)[number];
export type RefundCause = (typeof refund_causes)[number];

export const Refund = Type.Object(
  {
    object: Type.Literal('refund'),
    id: id('ref', 'Refund 退款.'),
    livemode: Type.Boolean(),
    payment_id: id('pay', 'Payment 支付单.'),
    attempt_id: id('att', 'The attempt whose money goes back. 对应的支付尝试。'),
    merchant_refund_no: nullable(merchantNo("The merchant's refund number. 商户退款单号。")),
    cause: Type.Unsafe<RefundCause>({
      type: 'string',
      enum: [...refund_causes],
      description: '`merchant`; `duplicate` or `late`: money that was never the payment’s; `cancel`: of a cancelled payment. 退款起因。',
    }),
    amount_fen: amount('退款金额。'),
    currency,
    reason: nullable(Type.String({ description: 'Shown to the payer where the channel does so. 退款原因。' })),
    state: Type.Unsafe<RefundState>({ type: 'string', enum: [...refund_states], description: '`sending`: the outcome is not known yet. 退款状态。' }),
    refusal: nullable(ChannelRefusal),
    channel_refund_no: Type.String({ description: 'Our refund number at the channel. 送渠道的退款单号。' }),
    channel_refund_id: nullable(Type.String({ description: "The channel's own number. 渠道退款号。" })),
    metadata: Metadata,
    created_at: instant('创建时间。'),
    accepted_at: nullable(
      instant(
        'When the channel took it on; null where it has not said so, and where it carried it out or refused it at once. 渠道受理时间；渠道未曾告知、当即完成或当即拒绝的为 null。',
      ),
    ),
    refunded_at: nullable(instant('退款成功时间。')),
    version: Type.Integer({ minimum: 1 }),
  },
  { additionalProperties: false, description: 'Money going back to the payer, by the way it came. 退款单。' },
);
export type Refund = Static<typeof Refund>;

export const CreateRefundBody = Type.Object(
  {
    payment_id: id('pay', 'Payment to refund. 要退款的支付单。'),
    attempt_id: Type.Optional(
      id(
        'att',
        'Only for money that Heliu does not give back by itself: a duplicate or late attempt that the merchant keeps, or whose refund the channel refused. It goes back whole. 仅用于合流未自动退回的重复或迟到款项，须全额。',
      ),
    ),
    merchant_refund_no: merchantNo("The merchant's refund number, unique for the merchant. 商户退款单号，商户内唯一。"),
    amount_fen: amount('退款金额。'),
    reason: Type.Optional(text(80, 'Shown to the payer where the channel does so. 退款原因。')),
    metadata: Type.Optional(Metadata),
  },
  { additionalProperties: false },
);
export type CreateRefundBody = Static<typeof CreateRefundBody>;

const { payment_id: _payment_id, ...of_the_refund } = CreateRefundBody.properties;
/** The path names the payment. */
export const RefundByOrderNoBody = Type.Object(of_the_refund, { additionalProperties: false });
export type RefundByOrderNoBody = Static<typeof RefundByOrderNoBody>;

const by_id = Type.Object({ refund_id: id('ref', 'Refund 退款.') }, { additionalProperties: false });

export const createRefund = defineOperation({
  id: 'create_refund',
  sdk: ['refunds', 'create'],
  method: 'POST',
  path: '/v1/refunds',
  scope: 'refunds:write',
  summary: 'Refund a payment, whole or in part',
  summary_zh: '退款（全额或部分）',
  body: CreateRefundBody,
  status: 201,
  response: Refund,
  errors: [
    ...write_errors,
    'payment_not_found',
    'attempt_not_found',
    'merchant_refund_no_taken',
    'payment_not_paid',
    'refund_exceeds_paid',
    'refund_not_whole',
    'too_many_refunds',
  ],
});

export const createRefundByOrderNo = defineOperation({
  id: 'create_refund_by_order_no',
  sdk: ['refunds', 'createByOrderNo'],
  method: 'POST',
  path: '/v1/payments/by-order-no/{merchant_order_no}/refunds',
  scope: 'refunds:write',
  summary: "Refund a payment by the merchant's order number, whole or in part",
  summary_zh: '按商户订单号退款（全额或部分）',
  params: by_order_no,
  body: RefundByOrderNoBody,
  status: 201,
  response: Refund,
  errors: createRefund.errors,
});

export const retrieveRefund = defineOperation({
  id: 'retrieve_refund',
  sdk: ['refunds', 'retrieve'],
  method: 'GET',
  path: '/v1/refunds/{refund_id}',
  scope: 'refunds:read',
  summary: 'Retrieve a refund',
  summary_zh: '查询退款',
  params: by_id,
  status: 200,
  response: Refund,
  errors: ['refund_not_found'],
});

export const listRefunds = defineOperation({
  id: 'list_refunds',
  sdk: ['refunds', 'list'],
  method: 'GET',
  path: '/v1/refunds',
  scope: 'refunds:read',
  summary: 'List refunds, newest first',
  summary_zh: '退款列表（新的在前）',
  query: Type.Object(
    {
      payment_id: Type.Optional(id('pay', '只看该支付单的退款。')),
      merchant_refund_no: Type.Optional(merchantNo('只看该商户退款单号。')),
      state: Type.Optional(Type.Unsafe<RefundState>({ type: 'string', enum: [...refund_states] })),
      ...page_query,
    },
    { additionalProperties: false },
  ),
  status: 200,
  response: page(Refund),
  errors: ['cursor_invalid'],
});
