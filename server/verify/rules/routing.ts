import { sql } from 'kysely';
import type { Rule } from '../rule.ts';

const report = {
  zh: '保留数据库备份并报告：付款本身不受影响。',
  en: 'Keep a backup of the database and report it; the payments themselves are not affected.',
};

/** What holds of decisions and of the counters of quotas. */
export const routing_rules: readonly Rule[] = [
  {
    id: 'I-51.1',
    area: 'routing',
    severity: 2,
    class: 'S',
    title: { zh: '限额计数等于占用它的各次尝试之和', en: 'what a quota counts is what the attempts that hold it reserved' },
    remedy: {
      zh: '限额可能提前或推迟用尽：保留数据库备份并报告。',
      en: 'The quota may be used up too early or too late: keep a backup of the database and report it.',
    },
    names: ['merchant_id', 'channel_account_id', 'bucket'],
    since: 'everything',
    queries: (of) => [
      sql`select c.merchant_id, c.channel_account_id, c.bucket, c.used_fen, c.used_count, coalesce(h.fen, 0) as held_fen, coalesce(h.count, 0) as held_count
        from (select merchant_id, channel_account_id, bucket, sum(used_fen) as used_fen, sum(used_count) as used_count
            from ${of.table('quota_counters')} q group by merchant_id, channel_account_id, bucket) c
        left join (select merchant_id, channel_account_id, r ->> 0 as bucket, sum((r ->> 2)::bigint) as fen, sum((r ->> 3)::bigint) as count
            from (select merchant_id, channel_account_id, jsonb_array_elements(quota) as r from ${of.attempts} a
              where quota is not null and state in ('sending', 'waiting', 'succeeded')) e group by 1, 2, 3) h
          on h.merchant_id = c.merchant_id and h.channel_account_id = c.channel_account_id and h.bucket = c.bucket
        where c.used_fen <> coalesce(h.fen, 0) or c.used_count <> coalesce(h.count, 0)`,
    ],
  },
  {
    id: 'I-51.2',
    area: 'routing',
    severity: 2,
    class: 'S',
    title: { zh: '任何分片都没有超出其限额份额', en: 'no shard of a quota holds more than its share' },
    remedy: report,
    names: ['merchant_id', 'channel_account_id', 'bucket', 'shard'],
    since: 'everything',
    queries: (of) => [
      sql`select merchant_id, channel_account_id, bucket, shard, used_fen, share_fen, used_count, share_count from ${of.table('quota_counters')} q
        where used_fen > share_fen or used_count > share_count`,
    ],
  },
  {
    id: 'I-52.1',
    area: 'routing',
    severity: 2,
    class: 'S',
    title: { zh: '路由决定与其支付尝试一致', en: 'a decision is that of its attempt: same account, method and amount' },
    remedy: report,
    names: ['merchant_id', 'attempt_id'],
    since: 'everything',
    queries: (of) => [
      sql`select d.merchant_id, d.attempt_id, d.channel_account_id, a.channel_account_id as attempt_account from ${of.table('routing_decisions')} d
        left join ${of.attempts} a on a.merchant_id = d.merchant_id and a.id = d.attempt_id
        where a.id is null or a.channel_account_id <> d.channel_account_id or a.method <> d.method or a.amount_fen <> d.amount_fen`,
    ],
  },
];
