import { sql } from 'kysely';
import { idempotency_days } from '../../kernel/limits.ts';
import type { Rule } from '../rule.ts';
import { absent } from '../scope.ts';

/** The kinds of objects that a key may stand for, by the beginning of their ids. */
const kinds = [
  ['pay', 'payments'],
  ['ref', 'refunds'],
  ['whe', 'webhook_endpoints'],
  ['dlv', 'deliveries'],
] as const;

/** What holds of idempotency keys and the replies that are frozen with them. */
export const reply_rules: readonly Rule[] = [
  {
    id: 'I-36.1',
    area: 'replies',
    severity: 1,
    class: 'S',
    title: { zh: '保存的应答是完整的：状态码与正文俱在，且是成功的应答', en: 'a stored reply is whole, with status and body, and is that of a success' },
    remedy: {
      zh: '用同一个键重试的商户会得到错误：请其以 GET 查询该对象。',
      en: 'A merchant that repeats the request with this key gets an error: ask it to retrieve the object instead.',
    },
    names: ['merchant_id', 'livemode', 'key'],
    since: 'touched',
    queries: (of) => [
      sql`select merchant_id, livemode, key, operation, status, object_id from ${of.idempotency_keys} k
        where (status is null) <> (body_sealed is null) or status not between 200 and 299`,
    ],
  },
  {
    id: 'I-36.2',
    area: 'replies',
    severity: 3,
    class: 'D',
    title: { zh: '过了保存期的键已被清除', en: 'keys are swept when their time is over' },
    remedy: { zh: '确认至少有一个 role 为 all 或 worker 的节点在运行。', en: 'See that at least one node with the role all or worker runs.' },
    names: ['merchant_id', 'livemode', 'key'],
    since: 'everything',
    queries: (of) => [
      sql`select merchant_id, livemode, key, created_at from ${of.idempotency_keys} k
        where created_at < ${of.now}::timestamptz - interval ${sql.lit(`${idempotency_days + 2} days`)}`,
    ],
  },
  {
    // A key without a reply may still be at work on an object that turns out not to exist.
    id: 'I-37.1',
    area: 'replies',
    severity: 1,
    class: 'S',
    title: { zh: '每个已应答的键都有其对象：答应过的没有丢失', en: 'what was answered exists: a key with a reply has its object' },
    remedy: {
      zh: '商户得到过成功的应答而对象不在库中：从备份或渠道账单找回，并告知商户。',
      en: 'The merchant was told of a success that is not in the books: recover it from a backup or the channel, and tell the merchant.',
    },
    names: ['merchant_id', 'livemode', 'key'],
    since: 'touched',
    queries: (of) =>
      kinds.map(
        ([prefix, table]) => sql`select k.merchant_id, k.livemode, k.key, k.operation, k.object_id from ${of.idempotency_keys} k
          where k.status is not null and k.object_id like ${`${prefix}\\_%`}
            and ${absent(of, sql.table(table), sql`p.merchant_id = k.merchant_id and p.id = k.object_id`)}`,
      ),
  },
];
