import Type, { type Static } from 'typebox';
import { id, instant, nullable } from './fields.ts';
import { HelpRequest } from './help-requests.ts';
import { defineOperation } from './operation.ts';
import { Payment } from './payments.ts';
import { ReconException } from './reconciliation.ts';
import { Refund } from './refunds.ts';

/** Facts that other money words depend on and that a person should look at; never lost, never acted on by guess. */
export const anomaly_kinds = {
  amount_mismatch: ['A success with another amount than was asked for.', '金额不符'],
  currency_mismatch: ['A success in another currency.', '币种不符'],
  identity_mismatch: ['A success whose receiver is not this channel account.', '收款主体不符'],
  orphan_success: ['A success that matches no attempt of ours.', '孤儿成功：渠道成功但无对应订单'],
  transaction_reused: ['A channel transaction number that another attempt already has.', '渠道交易号重复'],
  orphan_refund: ['A refund at the channel that we never asked for.', '渠道存在我方未发起的退款'],
  refund_amount_mismatch: ['A refund whose amount is not the one asked for.', '退款金额不符'],
  close_stuck: ['An order that the channel neither closes nor confirms.', '关单停滞，需人工处理'],
  refund_reversed: ['A refund that had succeeded, of which the channel then says that it has not.', '渠道在退款成功之后又称其未成功'],
  refund_stuck: ['A refund that the channel cannot finish without help.', '退款停滞，需人工处理'],
} as const satisfies Record<string, readonly [en: string, zh: string]>;
export type AnomalyKind = keyof typeof anomaly_kinds;

export const Anomaly = Type.Object(
  {
    object: Type.Literal('anomaly'),
    id: id('ano', 'Anomaly 异常.'),
    livemode: Type.Boolean(),
    kind: Type.Unsafe<AnomalyKind>({ type: 'string', enum: Object.keys(anomaly_kinds) }),
    payment_id: nullable(id('pay', '相关支付单。')),
    attempt_id: nullable(id('att', '相关支付尝试。')),
    refund_id: nullable(id('ref', '相关退款。')),
    channel_account_id: id('acc', '渠道账户。'),
    detail: Type.Record(Type.String(), Type.String(), { description: 'What was expected and what came. 期望值与实际值。' }),
    created_at: instant('发现时间。'),
  },
  { additionalProperties: false, description: 'A fact that was parked for a person. 挂起待人工处理的异常。' },
);
export type Anomaly = Static<typeof Anomaly>;

/** Type of event and the object it carries. */
export const event_types = {
  'payment.paid': { object: 'payment', en: 'A payment was paid.', zh: '支付成功' },
  'payment.closed': { object: 'payment', en: 'A payment was closed unpaid.', zh: '支付单关闭' },
  'payment.attempt_refused': { object: 'payment', en: 'An attempt was refused; the payment is still open.', zh: '支付尝试被拒' },
  'payment.duplicate_received': { object: 'payment', en: 'A second success arrived for a paid payment.', zh: '收到重复支付' },
  'payment.late_received': { object: 'payment', en: 'Money arrived for a closed payment.', zh: '关单后收到支付' },
  'refund.pending': { object: 'refund', en: 'The channel has taken a refund on; the money is on its way.', zh: '渠道已受理退款，款项在途' },
  'refund.succeeded': { object: 'refund', en: 'A refund succeeded.', zh: '退款成功' },
  'refund.refused': { object: 'refund', en: 'A refund was refused by the channel.', zh: '退款被拒' },
  'anomaly.opened': { object: 'anomaly', en: 'Something needs a person.', zh: '出现需人工处理的异常' },
  'recon_exception.opened': { object: 'recon_exception', en: 'A bill and we differ.', zh: '出现对账差错' },
  'recon_exception.closed': { object: 'recon_exception', en: 'A difference was settled.', zh: '对账差错已关闭' },
  'recon_exception.aged': { object: 'recon_exception', en: 'A difference stays open for long.', zh: '对账差错超期未处理' },
  'help_request.opened': { object: 'help_request', en: 'A payer asked for help or for the money back.', zh: '付款人求助或申请退款' },
  'webhook_endpoint.ping': { object: 'webhook_endpoint', en: 'A test event.', zh: '测试事件' },
} as const;
export type EventType = keyof typeof event_types;
export const event_type_names = Object.keys(event_types) as EventType[];

export const Event = Type.Object(
  {
    object: Type.Literal('event'),
    id: id('evt', 'Event 事件. The same in every delivery: use it to ignore repeats.'),
    type: Type.Unsafe<EventType>({ type: 'string', enum: event_type_names }),
    livemode: Type.Boolean(),
    created_at: instant('事件时间。'),
    data: Type.Union(
      [
        Payment,
        Refund,
        Anomaly,
        ReconException,
        HelpRequest,
        Type.Object({ object: Type.Literal('webhook_endpoint'), id: id('whe', '端点。') }, { additionalProperties: false }),
      ],
      {
        description: 'The object as it was when the event happened; frozen. 事件发生时的对象快照。',
      },
    ),
  },
  { additionalProperties: false },
);
export type Event = Static<typeof Event>;

export const listEvents = defineOperation({
  id: 'list_events',
  sdk: ['events', 'list'],
  method: 'GET',
  path: '/v1/events',
  scope: 'events:read',
  summary: 'List events since a cursor, oldest first; nothing is skipped',
  summary_zh: '按序拉取事件（旧的在前，不遗漏）',
  query: Type.Object(
    {
      after: Type.Optional(Type.String({ maxLength: 200, description: '`next_cursor` of the call before; from the beginning unless told. 上次返回的游标。' })),
      type: Type.Optional(Type.Unsafe<EventType>({ type: 'string', enum: event_type_names })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
    },
    { additionalProperties: false },
  ),
  status: 200,
  response: Type.Object(
    {
      data: Type.Array(Event),
      next_cursor: Type.String({ description: 'Pass as `after` next time, also when data is empty. 下次拉取的起点。' }),
      has_more: Type.Boolean(),
    },
    { additionalProperties: false },
  ),
  errors: ['cursor_invalid'],
});

export const retrieveEvent = defineOperation({
  id: 'retrieve_event',
  sdk: ['events', 'retrieve'],
  method: 'GET',
  path: '/v1/events/{event_id}',
  scope: 'events:read',
  summary: 'Retrieve an event',
  summary_zh: '查询事件',
  params: Type.Object({ event_id: id('evt', 'Event 事件.') }, { additionalProperties: false }),
  status: 200,
  response: Event,
  errors: ['event_not_found'],
});
