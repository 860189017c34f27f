import Type, { type Static } from 'typebox';
import { write_errors } from './errors.ts';
import { amount, currency, id, instant, Metadata, merchantNo, nullable, page, page_query, text } from './fields.ts';
import { MethodSchema, methods } from './methods.ts';
import { defineOperation } from './operation.ts';
import { type ClosedReason, closed_reasons, type PaymentState, payment_states, place_errors } from './payments.ts';

export const checkout_modes = ['web', 'embedded', 'in_store'] as const;
export const checkout_locales = ['auto', 'zh', 'en'] as const;
export type CheckoutMode = (typeof checkout_modes)[number];
export type CheckoutLocale = (typeof checkout_locales)[number];

const mode = Type.Unsafe<CheckoutMode>({
  type: 'string',
  enum: [...checkout_modes],
  description:
    '`web`: the browser is sent to the page. `embedded`: the page stands in a frame of a registered host. `in_store`: a screen in a shop shows the code. 收银台形态：跳转、内嵌或店内屏幕。',
});
const locale = Type.Unsafe<CheckoutLocale>({
  type: 'string',
  enum: [...checkout_locales],
  description: "Language of the page; `auto` follows the payer's browser. 页面语言。",
});
const allowed_methods = Type.Array(MethodSchema, {
  maxItems: Object.keys(methods).length,
  uniqueItems: true,
  description: 'Offer only these methods; all that the merchant has when empty. 只提供这些支付方式，空为全部。',
});
const returnUrl = Type.String({
  format: 'uri',
  maxLength: 512,
  pattern: '^https?://[^/?#]',
  description:
    'Where the page sends the payer afterwards, with `checkout_session_id` added; never proof of payment. Https, on a host registered in the cashier settings; test mode also takes this machine. 支付后返回的商户页面，须为已登记的主机。',
});

export const CheckoutSession = Type.Object(
  {
    object: Type.Literal('checkout_session'),
    id: id('cks', 'Checkout session 收银台会话.'),
    livemode: Type.Boolean(),
    payment_id: id('pay', 'Its payment, made together with it. 对应的支付单。'),
    merchant_order_no: merchantNo("The merchant's order number. 商户订单号。"),
    amount_fen: amount('What is to be paid. 应付金额。'),
    currency,
    subject: Type.String({ description: 'What the payer sees. 商品描述。' }),
    mode,
    state: Type.Unsafe<PaymentState>({ type: 'string', enum: [...payment_states], description: "The payment's state. 支付单状态。" }),
    closed_reason: nullable(Type.Unsafe<ClosedReason>({ type: 'string', enum: [...closed_reasons], description: '关闭原因。' })),
    url: Type.String({
      description: 'The page: send the browser there, or draw it as a QR code that any wallet scans. 收银台地址，可跳转，也可生成二维码由任意钱包扫码。',
    }),
    allowed_methods,
    locale,
    return_url: nullable(Type.String({ description: '返回地址。' })),
    metadata: Metadata,
    expires_at: instant('Closed after this time if unpaid. 过期时间。'),
    created_at: instant('创建时间。'),
  },
  { additionalProperties: false, description: 'A page on which one payment is paid. 收银台会话。' },
);
export type CheckoutSession = Static<typeof CheckoutSession>;

export const CreateCheckoutSessionBody = Type.Object(
  {
    merchant_order_no: merchantNo("The merchant's order number, unique for the merchant. 商户订单号，商户内唯一。"),
    amount_fen: amount('What is to be paid. 金额。'),
    currency: Type.Optional(currency),
    subject: text(127, 'What the payer sees. 商品描述。'),
    expires_in_s: Type.Optional(
      Type.Integer({ minimum: 60, maximum: 604_800, description: 'Seconds until the payment closes if unpaid; 1800 unless told. 有效期（秒），默认半小时。' }),
    ),
    metadata: Type.Optional(Metadata),
    store_id: Type.Optional(id('sto', 'The store where it is taken; that of the terminal unless given. 门店。')),
    terminal_id: Type.Optional(id('ter', 'The terminal that takes it. 终端。')),
    mode: Type.Optional(mode),
    locale: Type.Optional(locale),
    allowed_methods: Type.Optional(allowed_methods),
    return_url: Type.Optional(returnUrl),
  },
  { additionalProperties: false },
);
export type CreateCheckoutSessionBody = Static<typeof CreateCheckoutSessionBody>;

const by_id = Type.Object({ checkout_session_id: id('cks', 'Checkout session 收银台会话.') }, { additionalProperties: false });

export const createCheckoutSession = defineOperation({
  id: 'create_checkout_session',
  sdk: ['checkoutSessions', 'create'],
  method: 'POST',
  path: '/v1/checkout_sessions',
  scope: 'checkout_sessions:write',
  summary: 'Create a payment with a page on which it is paid',
  summary_zh: '创建收银台会话（连同支付单）',
  body: CreateCheckoutSessionBody,
  status: 201,
  response: CheckoutSession,
  errors: [...write_errors, ...place_errors, 'no_channel_account', 'merchant_order_no_taken', 'return_url_refused'],
});

export const retrieveCheckoutSession = defineOperation({
  id: 'retrieve_checkout_session',
  sdk: ['checkoutSessions', 'retrieve'],
  method: 'GET',
  path: '/v1/checkout_sessions/{checkout_session_id}',
  scope: 'checkout_sessions:read',
  summary: 'Retrieve a checkout session',
  summary_zh: '查询收银台会话',
  params: by_id,
  status: 200,
  response: CheckoutSession,
  errors: ['checkout_session_not_found'],
});

export const listCheckoutSessions = defineOperation({
  id: 'list_checkout_sessions',
  sdk: ['checkoutSessions', 'list'],
  method: 'GET',
  path: '/v1/checkout_sessions',
  scope: 'checkout_sessions:read',
  summary: 'List checkout sessions, newest first',
  summary_zh: '收银台会话列表（新的在前）',
  query: Type.Object({ ...page_query }, { additionalProperties: false }),
  status: 200,
  response: page(CheckoutSession),
  errors: ['cursor_invalid'],
});

export const expireCheckoutSession = defineOperation({
  id: 'expire_checkout_session',
  sdk: ['checkoutSessions', 'expire'],
  method: 'POST',
  path: '/v1/checkout_sessions/{checkout_session_id}/expire',
  scope: 'checkout_sessions:write',
  summary: 'End a session now: its payment is closed, at the channel first',
  summary_zh: '立即结束会话：先在渠道侧关闭其支付单',
  params: by_id,
  status: 200,
  response: CheckoutSession,
  errors: [...write_errors, 'checkout_session_not_found', 'payment_already_paid'],
});
