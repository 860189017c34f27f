import { sql } from 'kysely';
import { delivery_lifetime_ms, delivery_waits_ms } from '../../webhooks/schedule.ts';
import type { Rule } from '../rule.ts';

const tell_merchant = {
  zh: '商户没有得到消息：请其以 GET 查询该对象，并报告。',
  en: 'The merchant was not told: ask it to retrieve the object, and report this.',
};
/** Every send of the schedule. */
const sends = delivery_waits_ms.length + 1;
const lifetime = sql.lit(`${delivery_lifetime_ms / 1000} seconds`);

/** What holds of events and their deliveries. */
export const notification_rules: readonly Rule[] = [
  {
    id: 'I-29.1',
    area: 'notifications',
    severity: 1,
    class: 'S',
    title: { zh: '支付单与退款每个要通知的变化都有其事件', en: 'each notifiable step of a payment or refund has its event' },
    remedy: tell_merchant,
    names: ['merchant_id', 'object_id'],
    since: 'touched',
    queries: (of) => [
      sql`select t.merchant_id, t.object_id, t.version, t.to_state, t.at from ${of.recent_transitions} t
        left join ${of.events} e on e.merchant_id = t.merchant_id and e.object_id = t.object_id and e.object_version = t.version and e.created_at = t.at
          and e.type = case when t.object_id like 'pay\\_%' then 'payment.' else 'refund.' end || t.to_state
        where ((t.object_id like 'pay\\_%' and t.to_state in ('paid', 'closed')) or (t.object_id like 'ref\\_%' and t.to_state in ('succeeded', 'refused')))
          and e.id is null`,
    ],
  },
  {
    id: 'I-29.2',
    area: 'notifications',
    severity: 1,
    class: 'S',
    title: { zh: '重复与迟到的款项都有其事件', en: 'money that was not awaited has its event' },
    remedy: tell_merchant,
    names: ['merchant_id', 'attempt_id'],
    since: 'touched',
    queries: (of) => [
      sql`select a.merchant_id, a.id as attempt_id, a.payment_id, a.disposition from ${of.attempts} a
        join ${of.recent_transitions} t on t.merchant_id = a.merchant_id and t.object_id = a.id and t.to_state = 'succeeded'
        left join ${of.events} e on e.merchant_id = a.merchant_id and e.object_id = a.payment_id and e.created_at = t.at and e.type = 'payment.' || a.disposition || '_received'
        where a.disposition in ('duplicate', 'late') and e.id is null`,
    ],
  },
  {
    id: 'I-29.3',
    area: 'notifications',
    severity: 1,
    class: 'S',
    title: { zh: '未完结支付单的尝试被拒都有其事件', en: 'a refusal of an open payment has its event' },
    remedy: tell_merchant,
    names: ['merchant_id', 'attempt_id'],
    since: 'touched',
    queries: (of) => [
      sql`select a.merchant_id, a.id as attempt_id, a.payment_id from ${of.attempts} a
        join ${of.recent_transitions} t on t.merchant_id = a.merchant_id and t.object_id = a.id and t.to_state = 'refused'
        left join ${of.events} e on e.merchant_id = a.merchant_id and e.object_id = a.payment_id and e.created_at = t.at
          and e.type in ('payment.attempt_refused', 'payment.closed')
        where e.id is null and not exists (select 1 from ${of.transitions} p where p.merchant_id = a.merchant_id and p.object_id = a.payment_id
          and p.to_state in ('paid', 'closed') and p.at <= t.at)
          -- The same request went on with another account.
          and not exists (select 1 from ${of.attempts} n where n.merchant_id = a.merchant_id and n.payment_id = a.payment_id and n.created_at = t.at and n.id <> a.id)`,
    ],
  },
  {
    // An endpoint that was changed since it was made may have been disabled at the time, or wanted other types: nothing tells.
    id: 'I-30.1',
    area: 'notifications',
    severity: 1,
    class: 'S',
    title: {
      zh: '每个事件对每个想要它的端点都有一次投递（端点自创建以来未改动的）',
      en: 'each event has a delivery for each endpoint that wants it, where the endpoint is as it was made',
    },
    remedy: tell_merchant,
    names: ['merchant_id', 'event_id', 'webhook_endpoint_id'],
    since: 'touched',
    queries: (of) => [
      sql`select e.merchant_id, e.id as event_id, w.id as webhook_endpoint_id, e.type from ${of.events} e
        join webhook_endpoints w on w.merchant_id = e.merchant_id and w.livemode = e.livemode and w.version = 1 and w.state = 'enabled'
          and (w.event_types = '{}' or e.type = any (w.event_types))
        left join ${of.deliveries} d on d.merchant_id = e.merchant_id and d.event_id = e.id and d.webhook_endpoint_id = w.id
        where d.id is null and e.type <> 'webhook_endpoint.ping' and e.created_at > w.created_at + interval '1 minute'`,
    ],
  },
  {
    id: 'I-30.2',
    area: 'notifications',
    severity: 1,
    class: 'S',
    title: {
      zh: '投递或已送达，或排定了时间表之内的下一次，或走完了整个时间表才放弃',
      en: 'a delivery has arrived, or is sent again within the schedule, or was given up after the whole of it',
    },
    remedy: {
      zh: '用 POST /v1/webhook_endpoints/{id}/deliveries/{id}/resend 重新投递。',
      en: 'Send it again: POST /v1/webhook_endpoints/{id}/deliveries/{id}/resend.',
    },
    names: ['merchant_id', 'delivery_id'],
    since: 'touched',
    queries: (of) => [
      sql`select merchant_id, id as delivery_id, state, tries, next_send_at, delivered_at from ${of.deliveries} d
        where (state = 'delivered') <> (delivered_at is not null) or (state = 'pending') <> (next_send_at is not null)
          or next_send_at > ${of.now}::timestamptz + interval '15 hours'
          or (state = 'dead' and tries < ${sql.lit(sends)} and created_at > ${of.now}::timestamptz - interval ${lifetime})`,
    ],
  },
  {
    id: 'I-30.3',
    area: 'notifications',
    severity: 3,
    class: 'D',
    title: { zh: '没有投递在其寿命结束六小时之后仍在等待', en: 'no delivery waits six hours beyond its life' },
    remedy: {
      zh: '确认至少有一个 role 为 all 或 worker 的节点在运行。',
      en: 'See that at least one node with the role all or worker runs.',
    },
    names: ['merchant_id', 'delivery_id'],
    since: 'everything',
    queries: (of) => [
      sql`select merchant_id, id as delivery_id, webhook_endpoint_id, next_send_at, created_at from ${of.deliveries} d
        where next_send_at < ${of.now}::timestamptz - interval '1 hour' and created_at < ${of.now}::timestamptz - interval ${lifetime} - interval '6 hours'`,
    ],
  },
  {
    id: 'I-30.4',
    area: 'notifications',
    severity: 1,
    class: 'Q',
    title: { zh: '静止之后每次投递都已送达', en: 'every delivery arrived' },
    remedy: tell_merchant,
    names: ['merchant_id', 'delivery_id'],
    since: 'touched',
    queries: (of) => [sql`select merchant_id, id as delivery_id, state, last_error from ${of.deliveries} d where state <> 'delivered'`],
  },
  {
    id: 'I-31.1',
    area: 'notifications',
    severity: 2,
    class: 'S',
    title: {
      zh: '事件编号没有缺号与重号：读完事件流的人不会漏掉',
      en: 'numbers of events have no gap and no repeat, so that who reads them to the end has missed none',
    },
    remedy: { zh: '请商户从头重读 /v1/events，并报告。', en: 'Ask the merchant to read /v1/events again from the beginning, and report it.' },
    names: ['merchant_id', 'livemode'],
    since: 'everything',
    queries: (of) => [
      sql`select coalesce(e.merchant_id, s.merchant_id) as merchant_id, coalesce(e.livemode, s.livemode) as livemode, e.events, e.numbers, e.first, e.last, s.last as given
        from (select merchant_id, livemode, count(*) as events, count(distinct sequence) as numbers, min(sequence) as first, max(sequence) as last
          from ${of.events} e where sequence is not null group by merchant_id, livemode) e
        full join event_sequences s on s.merchant_id = e.merchant_id and s.livemode = e.livemode
        where e.events is distinct from e.numbers or e.events is distinct from e.last or e.first is distinct from 1 or s.last is distinct from e.last`,
    ],
  },
  {
    id: 'I-32.1',
    area: 'notifications',
    severity: 2,
    class: 'S',
    title: { zh: '保存的事件正文说的是它自己这一行', en: 'the stored body of an event is that of its own row' },
    remedy: {
      zh: '事件行被改动过：请商户以 GET 查询该对象，并查明谁改了它。',
      en: 'The row was changed: ask the merchant to retrieve the object, and find out who changed it.',
    },
    names: ['merchant_id', 'event_id'],
    since: 'touched',
    queries: (of) => [
      // Bodies are frozen with their fields in this order; a comparison of text costs little beside reading them as JSON.
      sql`select merchant_id, id as event_id, type, object_id from ${of.events} e
        where not starts_with(payload, '{"object":"event","id":"' || id || '","type":"' || type || '","livemode":' || livemode::text || ',')
          or strpos(payload, '"id":"' || object_id || '"') = 0`,
    ],
  },
  {
    id: 'I-33.1',
    area: 'notifications',
    severity: 2,
    class: 'S',
    title: { zh: '轮换中的端点有旧密钥及其期限，或两者皆无', en: 'an endpoint has an old secret and the end of its overlap, or neither' },
    remedy: { zh: '再轮换一次该端点的密钥，并告知商户。', en: 'Rotate the secret of the endpoint once more and tell the merchant.' },
    names: ['merchant_id', 'webhook_endpoint_id'],
    since: 'everything',
    queries: () => [
      sql`select merchant_id, id as webhook_endpoint_id, previous_until from webhook_endpoints
        where (previous_secret_sealed is null) <> (previous_until is null)`,
    ],
  },
  {
    id: 'I-35.1',
    area: 'notifications',
    severity: 1,
    class: 'S',
    title: { zh: '事件所说的状态是该对象确曾有过的', en: 'the state that an event tells of is one that its object really took' },
    remedy: {
      zh: '商户可能据此发了货：立即核对该对象的真实状态并告知商户。',
      en: 'The merchant may have delivered because of it: find the true state and tell the merchant at once.',
    },
    names: ['merchant_id', 'event_id'],
    since: 'touched',
    queries: (of) => [
      sql`select e.merchant_id, e.id as event_id, e.type, e.object_id, e.object_version from ${of.events} e
        left join ${of.transitions} t on t.merchant_id = e.merchant_id and t.object_id = e.object_id and t.version = e.object_version
          and t.to_state = split_part(e.type, '.', 2)
        where e.type in ('payment.paid', 'payment.closed', 'refund.pending', 'refund.succeeded', 'refund.refused') and t.object_id is null`,
    ],
  },
  {
    id: 'I-50.1',
    area: 'notifications',
    severity: 3,
    class: 'D',
    title: { zh: '没有事件等待编号超过十分钟', en: 'no event waits more than ten minutes for its number' },
    remedy: { zh: '确认至少有一个 role 为 all 或 worker 的节点在运行。', en: 'See that at least one node with the role all or worker runs.' },
    names: ['merchant_id', 'event_id'],
    since: 'everything',
    queries: (of) => [
      sql`select merchant_id, id as event_id, created_at from ${of.events} e where sequence is null and created_at < ${of.now}::timestamptz - interval '10 minutes'`,
    ],
  },
];
