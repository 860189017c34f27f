import Type, { type Static } from 'typebox';
import { write_errors } from './errors.ts';
import { amount, amountShown, ChannelRefusal, currency, id, instant, Metadata, merchantNo, nullable, page, page_query, text } from './fields.ts';
import { MethodSchema, NextAction, RequestedMethod, RequestedPaymentMethod } from './methods.ts';
import { defineOperation } from './operation.ts';

export const payment_states = ['pending', 'paid', 'closed'] as const;
export const closed_reasons = ['expired', 'cancelled', 'refused'] as const;
export const attempt_states = ['sending', 'waiting', 'succeeded', 'refused', 'closed'] as const;
export const dispositions = ['accepted', 'duplicate', 'late'] as const;
export type PaymentState = (typeof payment_states)[number];
export type ClosedReason = (typeof closed_reasons)[number];
export type AttemptState = (typeof attempt_states)[number];
export type Disposition = (typeof dispositions)[number];

const oneOf = <const T extends readonly string[]>(values: T, description: string) => Type.Unsafe<T[number]>({ type: 'string', enum: [...values], description });

export const Attempt = Type.Object(
  {
    id: id('att', 'Attempt 支付尝试.'),
    method: MethodSchema,
    channel: Type.String({ description: 'Code of the channel that carries it. 渠道代码。' }),
    channel_account_id: id('acc', 'Channel account 渠道账户.'),
    state: oneOf(attempt_states, '`sending`: the outcome is not known yet. 支付尝试状态。'),
    disposition: nullable(oneOf(dispositions, 'What a success counts as. 成功的归类。')),
    channel_order_no: Type.String({ description: 'Our order number at the channel. 送渠道的订单号。' }),
    channel_transaction_id: nullable(Type.String({ description: "The channel's own number, once paid. 渠道交易号。" })),
    payer_amount_fen: nullable(amountShown("What the payer paid after the channel's discounts. 付款人实付。")),
    refusal: nullable(ChannelRefusal),
    created_at: instant('Created.'),
  },
  { additionalProperties: false, description: 'One try on one channel account. 支付尝试。' },
);

export const Payment = Type.Object(
  {
    object: Type.Literal('payment'),
    id: id('pay', 'Payment 支付单.'),
    livemode: Type.Boolean({ description: 'False in the sandbox. 是否生产环境。' }),
    merchant_order_no: merchantNo("The merchant's order number. 商户订单号。"),
    amount_fen: amount('What is to be paid. 应付金额。'),
    currency,
    subject: Type.String({ description: 'What the payer sees. 商品描述。' }),
    state: oneOf(payment_states, '支付单状态。'),
    closed_reason: nullable(oneOf(closed_reasons, '关闭原因。')),
    closing: Type.Boolean({ description: 'A close was asked for and is being made certain at the channel. 正在渠道侧关闭。' }),
    paid_fen: amountShown('Accepted 已支付金额.'),
    refunding_fen: amountShown('In refunds that are not final 退款中金额.'),
    refunded_fen: amountShown('Refunded 已退款金额.'),
    next_action: NextAction,
    attempt: nullable(Attempt),
    store_id: nullable(id('sto', 'The store where it is taken. 门店。')),
    terminal_id: nullable(id('ter', 'The terminal that takes it. 终端。')),
    metadata: Metadata,
    expires_at: instant('Closed after this time if unpaid. 过期时间。'),
    paid_at: nullable(instant("The channel's payment time. 支付时间。")),
    closed_at: nullable(instant('关闭时间。')),
    created_at: instant('创建时间。'),
    version: Type.Integer({ minimum: 1, description: 'Grows with every change. 版本号。' }),
  },
  { additionalProperties: false, description: 'What the merchant wants to be paid. 支付单。' },
);
export type Payment = Static<typeof Payment>;

/** What describes one try; the same in create_payment and create_attempt. */
const try_fields = {
  method: RequestedMethod,
  channel_account_id: Type.Optional(id('acc', 'Use this account instead of letting routing choose. 指定渠道账户。')),
  auth_code: Type.Optional(
    Type.String({ pattern: '^[0-9A-Za-z]{16,64}$', description: 'The payment code read from the payer. Required for barcode methods. 付款码。' }),
  ),
  payer_id: Type.Optional(
    Type.String({
      pattern: '^[0-9A-Za-z_-]{1,128}$',
      description:
        'openid (WeChat), buyer id / open id (Alipay), user id of another wallet. Required for jsapi and mini methods of WeChat and Alipay. 付款人标识。',
    }),
  ),
  app_id: Type.Optional(
    Type.String({
      pattern: '^[0-9A-Za-z]{1,32}$',
      description: "Application of the scene when it is not the account's default (for example the mini-program's). 场景应用 ID。",
    }),
  ),
  payer_ip: Type.Optional(
    Type.String({ anyOf: [{ format: 'ipv4' }, { format: 'ipv6' }], description: "The payer's address. Required for wechat_h5. 付款人 IP。" }),
  ),
  return_url: Type.Optional(
    Type.String({
      format: 'uri',
      maxLength: 256,
      pattern: '^https?://[^/?#]',
      description: 'Where the browser goes after paying; never proof of payment. 支付后返回地址。',
    }),
  ),
} as const;

export const CreatePaymentBody = Type.Object(
  {
    merchant_order_no: merchantNo("The merchant's order number, unique for the merchant. 商户订单号，商户内唯一。"),
    amount_fen: amount('What is to be paid. 金额。'),
    currency: Type.Optional(currency),
    subject: text(127, 'What the payer sees. 商品描述。'),
    expires_in_s: Type.Optional(
      Type.Integer({ minimum: 60, maximum: 604_800, description: 'Seconds until the payment closes if unpaid; 7200 unless told. 有效期（秒），默认两小时。' }),
    ),
    store_id: Type.Optional(id('sto', 'The store where it is taken; that of the terminal unless given. 门店，默认为终端所在门店。')),
    terminal_id: Type.Optional(id('ter', 'The terminal that takes it; channels are told its number. 终端，其编号送往渠道。')),
    metadata: Type.Optional(Metadata),
    ...try_fields,
    method: RequestedPaymentMethod,
  },
  { additionalProperties: false },
);
export type CreatePaymentBody = Static<typeof CreatePaymentBody>;

export const CreateAttemptBody = Type.Object({ ...try_fields }, { additionalProperties: false });
export type CreateAttemptBody = Static<typeof CreateAttemptBody>;

const by_id = Type.Object({ payment_id: id('pay', 'Payment 支付单.') }, { additionalProperties: false });
/** How a merchant names a payment whose id it never learnt. */
export const by_order_no = Type.Object({ merchant_order_no: merchantNo('商户订单号。') }, { additionalProperties: false });

/** What may be wrong with the place that a request names. */
export const place_errors = ['store_not_found', 'store_closed', 'terminal_not_found', 'terminal_closed', 'terminal_elsewhere'] as const;

/** What choosing a channel account and sending an attempt can be refused with. */
export const try_errors = [
  'payment_code_unknown',
  'payment_code_not_taken',
  'no_channel_account',
  'no_account_available',
  'account_limit_reached',
  'channel_account_not_found',
  'channel_account_paused',
  'channel_account_closed',
  'method_not_supported',
] as const;

export const createPayment = defineOperation({
  id: 'create_payment',
  sdk: ['payments', 'create'],
  method: 'POST',
  path: '/v1/payments',
  scope: 'payments:write',
  summary: 'Create a payment and make its first attempt',
  summary_zh: '创建支付单并发起首次支付',
  body: CreatePaymentBody,
  status: 201,
  response: Payment,
  errors: [...write_errors, ...try_errors, ...place_errors, 'merchant_order_no_taken'],
});

export const retrievePayment = defineOperation({
  id: 'retrieve_payment',
  sdk: ['payments', 'retrieve'],
  method: 'GET',
  path: '/v1/payments/{payment_id}',
  scope: 'payments:read',
  summary: 'Retrieve a payment',
  summary_zh: '查询支付单',
  params: by_id,
  status: 200,
  response: Payment,
  errors: ['payment_not_found'],
});

export const retrievePaymentByOrderNo = defineOperation({
  id: 'retrieve_payment_by_order_no',
  sdk: ['payments', 'retrieveByOrderNo'],
  method: 'GET',
  path: '/v1/payments/by-order-no/{merchant_order_no}',
  scope: 'payments:read',
  summary: "Retrieve a payment by the merchant's order number",
  summary_zh: '按商户订单号查询支付单',
  params: by_order_no,
  status: 200,
  response: Payment,
  errors: ['payment_not_found'],
});

export const listPayments = defineOperation({
  id: 'list_payments',
  sdk: ['payments', 'list'],
  method: 'GET',
  path: '/v1/payments',
  scope: 'payments:read',
  summary: 'List payments, newest first',
  summary_zh: '支付单列表（新的在前）',
  query: Type.Object(
    {
      state: Type.Optional(oneOf(payment_states, '只看该状态。')),
      store_id: Type.Optional(id('sto', '只看该门店。')),
      terminal_id: Type.Optional(id('ter', '只看该终端。')),
      created_from: Type.Optional(instant('Created at or after this time. 创建时间起。')),
      created_before: Type.Optional(instant('Created before this time. 创建时间止（不含）。')),
      ...page_query,
    },
    { additionalProperties: false },
  ),
  status: 200,
  response: page(Payment),
  errors: ['cursor_invalid'],
});

export const createAttempt = defineOperation({
  id: 'create_attempt',
  sdk: ['payments', 'createAttempt'],
  method: 'POST',
  path: '/v1/payments/{payment_id}/attempts',
  scope: 'payments:write',
  summary: 'Try again, perhaps with another wallet',
  summary_zh: '发起新的支付尝试（可换钱包）',
  params: by_id,
  body: CreateAttemptBody,
  status: 201,
  response: Payment,
  errors: [
    ...write_errors,
    ...try_errors,
    'payment_not_found',
    'payment_already_paid',
    'payment_closed',
    'payment_closing',
    'payment_expired',
    'attempt_unsettled',
    'too_many_attempts',
  ],
});

export const closePayment = defineOperation({
  id: 'close_payment',
  sdk: ['payments', 'close'],
  method: 'POST',
  path: '/v1/payments/{payment_id}/close',
  scope: 'payments:write',
  summary: 'Close an unpaid payment, at the channel first',
  summary_zh: '关闭未支付的支付单（先在渠道侧关闭）',
  params: by_id,
  status: 200,
  response: Payment,
  errors: [...write_errors, 'payment_not_found', 'payment_already_paid'],
});

export const cancelPayment = defineOperation({
  id: 'cancel_payment',
  sdk: ['payments', 'cancel'],
  method: 'POST',
  path: '/v1/payments/{payment_id}/cancel',
  scope: 'payments:write',
  summary: 'Cancel (撤销): undo a payment whose outcome is unknown or paid, give any money back',
  summary_zh: '撤销：结果未知或已支付时撤销，已付款项原路退回',
  params: by_id,
  status: 200,
  response: Payment,
  errors: [...write_errors, 'payment_not_found', 'payment_not_cancellable'],
});

export const syncPayment = defineOperation({
  id: 'sync_payment',
  sdk: ['payments', 'sync'],
  method: 'POST',
  path: '/v1/payments/{payment_id}/sync',
  scope: 'payments:write',
  summary: 'Ask the channel now',
  summary_zh: '立即向渠道查询',
  params: by_id,
  status: 200,
  response: Payment,
  errors: [...write_errors, 'payment_not_found'],
});

export const closePaymentByOrderNo = defineOperation({
  id: 'close_payment_by_order_no',
  sdk: ['payments', 'closeByOrderNo'],
  method: 'POST',
  path: '/v1/payments/by-order-no/{merchant_order_no}/close',
  scope: 'payments:write',
  summary: "Close an unpaid payment by the merchant's order number, also where the answer that named its id was lost",
  summary_zh: '按商户订单号关闭未支付的支付单（创建应答丢失时亦可）',
  params: by_order_no,
  status: 200,
  response: Payment,
  errors: closePayment.errors,
});

export const cancelPaymentByOrderNo = defineOperation({
  id: 'cancel_payment_by_order_no',
  sdk: ['payments', 'cancelByOrderNo'],
  method: 'POST',
  path: '/v1/payments/by-order-no/{merchant_order_no}/cancel',
  scope: 'payments:write',
  summary: "Cancel (撤销) by the merchant's order number, also where the answer that named the payment's id was lost",
  summary_zh: '按商户订单号撤销（创建应答丢失时亦可）',
  params: by_order_no,
  status: 200,
  response: Payment,
  errors: cancelPayment.errors,
});
