import Type, { type Static } from 'typebox';
import { write_errors } from './errors.ts';
import { type EventType, event_type_names } from './events.ts';
import { id, instant, nullable, page, page_query, text } from './fields.ts';
import { defineOperation } from './operation.ts';

const EventTypes = Type.Array(Type.Unsafe<EventType>({ type: 'string', enum: event_type_names }), {
  maxItems: event_type_names.length,
  uniqueItems: true,
  description: 'Only these types; all when empty. 只投递这些事件，空为全部。',
});

const endpoint_fields = {
  object: Type.Literal('webhook_endpoint'),
  id: id('whe', 'Webhook endpoint.'),
  livemode: Type.Boolean(),
  url: Type.String(),
  description: nullable(Type.String()),
  event_types: EventTypes,
  state: Type.Unsafe<'enabled' | 'disabled'>({ type: 'string', enum: ['enabled', 'disabled'] }),
  disabled_reason: nullable(Type.String({ description: '`merchant`, or `gone` after the receiver answered 410. 停用原因。' })),
  created_at: instant('创建时间。'),
};

export const WebhookEndpoint = Type.Object(endpoint_fields, { additionalProperties: false });
export type WebhookEndpoint = Static<typeof WebhookEndpoint>;

export const WebhookEndpointWithSecret = Type.Object(
  { ...endpoint_fields, secret: Type.String({ description: '`whsec_…`, shown only now (Standard Webhooks). 签名密钥，仅此一次显示。' }) },
  { additionalProperties: false },
);

export const delivery_states = ['pending', 'delivered', 'dead', 'cancelled'] as const;
export type DeliveryState = (typeof delivery_states)[number];

export const Delivery = Type.Object(
  {
    object: Type.Literal('delivery'),
    id: id('dlv', 'Delivery 投递.'),
    event_id: id('evt', 'Event 事件.'),
    event_type: Type.String(),
    webhook_endpoint_id: id('whe', 'Endpoint 端点.'),
    state: Type.Unsafe<DeliveryState>({
      type: 'string',
      enum: [...delivery_states],
      description: '`dead`: the whole schedule passed without a 2xx. 投递状态。',
    }),
    tries: Type.Integer({ minimum: 0, description: 'How often it was sent. 已投递次数。' }),
    last_status: nullable(Type.Integer({ description: 'HTTP status of the last answer. 最近一次响应码。' })),
    last_error: nullable(Type.String({ description: 'Why the last try failed. 最近一次失败原因。' })),
    next_send_at: nullable(instant('下次投递时间。')),
    delivered_at: nullable(instant('投递成功时间。')),
    created_at: instant('创建时间。'),
  },
  { additionalProperties: false },
);
export type Delivery = Static<typeof Delivery>;

const by_id = Type.Object({ webhook_endpoint_id: id('whe', 'Webhook endpoint.') }, { additionalProperties: false });

export const createWebhookEndpoint = defineOperation({
  id: 'create_webhook_endpoint',
  sdk: ['webhookEndpoints', 'create'],
  method: 'POST',
  path: '/v1/webhook_endpoints',
  scope: 'webhook_endpoints:write',
  summary: 'Create a webhook endpoint; the secret is shown once',
  summary_zh: '创建 Webhook 端点（密钥仅显示一次）',
  body: Type.Object(
    {
      url: Type.String({
        format: 'uri',
        maxLength: 512,
        pattern: '^https?://',
        description: 'https, except where plain http is allowed for development. 接收地址。',
      }),
      description: Type.Optional(text(200, '备注。')),
      event_types: Type.Optional(EventTypes),
    },
    { additionalProperties: false },
  ),
  status: 201,
  response: WebhookEndpointWithSecret,
  errors: [...write_errors, 'webhook_url_refused', 'too_many_webhook_endpoints'],
});

export const listWebhookEndpoints = defineOperation({
  id: 'list_webhook_endpoints',
  sdk: ['webhookEndpoints', 'list'],
  method: 'GET',
  path: '/v1/webhook_endpoints',
  scope: 'webhook_endpoints:read',
  summary: 'List webhook endpoints',
  summary_zh: 'Webhook 端点列表',
  query: Type.Object({ ...page_query }, { additionalProperties: false }),
  status: 200,
  response: page(WebhookEndpoint),
  errors: ['cursor_invalid'],
});

export const retrieveWebhookEndpoint = defineOperation({
  id: 'retrieve_webhook_endpoint',
  sdk: ['webhookEndpoints', 'retrieve'],
  method: 'GET',
  path: '/v1/webhook_endpoints/{webhook_endpoint_id}',
  scope: 'webhook_endpoints:read',
  summary: 'Retrieve a webhook endpoint',
  summary_zh: '查询 Webhook 端点',
  params: by_id,
  status: 200,
  response: WebhookEndpoint,
  errors: ['webhook_endpoint_not_found'],
});

export const rotateWebhookSecret = defineOperation({
  id: 'rotate_webhook_secret',
  sdk: ['webhookEndpoints', 'rotateSecret'],
  method: 'POST',
  path: '/v1/webhook_endpoints/{webhook_endpoint_id}/rotate_secret',
  scope: 'webhook_endpoints:write',
  summary: 'Give a new secret; the old one signs too until the overlap ends',
  summary_zh: '轮换签名密钥（过渡期内新旧同时签名）',
  params: by_id,
  body: Type.Object(
    {
      overlap_s: Type.Optional(
        Type.Integer({ minimum: 0, maximum: 604_800, description: 'How long the old secret still signs; 86400 unless told. 旧密钥继续签名的秒数。' }),
      ),
    },
    { additionalProperties: false },
  ),
  status: 200,
  response: WebhookEndpointWithSecret,
  errors: [...write_errors, 'webhook_endpoint_not_found'],
});

export const disableWebhookEndpoint = defineOperation({
  id: 'disable_webhook_endpoint',
  sdk: ['webhookEndpoints', 'disable'],
  method: 'POST',
  path: '/v1/webhook_endpoints/{webhook_endpoint_id}/disable',
  scope: 'webhook_endpoints:write',
  summary: 'Stop sending to an endpoint',
  summary_zh: '停用 Webhook 端点',
  params: by_id,
  status: 200,
  response: WebhookEndpoint,
  errors: [...write_errors, 'webhook_endpoint_not_found'],
});

export const enableWebhookEndpoint = defineOperation({
  id: 'enable_webhook_endpoint',
  sdk: ['webhookEndpoints', 'enable'],
  method: 'POST',
  path: '/v1/webhook_endpoints/{webhook_endpoint_id}/enable',
  scope: 'webhook_endpoints:write',
  summary: 'Send to a disabled endpoint again',
  summary_zh: '重新启用 Webhook 端点',
  params: by_id,
  status: 200,
  response: WebhookEndpoint,
  errors: [...write_errors, 'webhook_endpoint_not_found'],
});

export const pingWebhookEndpoint = defineOperation({
  id: 'ping_webhook_endpoint',
  sdk: ['webhookEndpoints', 'ping'],
  method: 'POST',
  path: '/v1/webhook_endpoints/{webhook_endpoint_id}/ping',
  scope: 'webhook_endpoints:write',
  summary: 'Send a test event to an endpoint',
  summary_zh: '发送测试事件',
  params: by_id,
  status: 201,
  response: Delivery,
  errors: [...write_errors, 'webhook_endpoint_not_found', 'webhook_endpoint_disabled'],
});

export const listDeliveries = defineOperation({
  id: 'list_deliveries',
  sdk: ['webhookEndpoints', 'listDeliveries'],
  method: 'GET',
  path: '/v1/webhook_endpoints/{webhook_endpoint_id}/deliveries',
  scope: 'webhook_endpoints:read',
  summary: 'List deliveries to an endpoint, newest first',
  summary_zh: '投递记录（新的在前）',
  params: by_id,
  query: Type.Object(
    { state: Type.Optional(Type.Unsafe<DeliveryState>({ type: 'string', enum: [...delivery_states] })), ...page_query },
    { additionalProperties: false },
  ),
  status: 200,
  response: page(Delivery),
  errors: ['webhook_endpoint_not_found', 'cursor_invalid'],
});

export const resendDelivery = defineOperation({
  id: 'resend_delivery',
  sdk: ['webhookEndpoints', 'resendDelivery'],
  method: 'POST',
  path: '/v1/webhook_endpoints/{webhook_endpoint_id}/deliveries/{delivery_id}/resend',
  scope: 'webhook_endpoints:write',
  summary: 'Send a delivery again, with the same body',
  summary_zh: '重新投递（内容不变）',
  params: Type.Object({ webhook_endpoint_id: id('whe', 'Webhook endpoint.'), delivery_id: id('dlv', 'Delivery 投递.') }, { additionalProperties: false }),
  status: 200,
  response: Delivery,
  errors: [...write_errors, 'webhook_endpoint_not_found', 'delivery_not_found', 'webhook_endpoint_disabled'],
});
