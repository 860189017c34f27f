import { sql } from 'kysely';
import type { Table } from '../../kernel/machine.ts';
import { attempt_table } from '../../payments/attempt.ts';
import { payment_table } from '../../payments/payment.ts';
import { refund_table } from '../../payments/refund.ts';
import type { Rule } from '../rule.ts';

/** `prefix|from|to` of every move that a machine's table has; `-` stands for nothing. */
const movesOf = (prefix: string, table: Table<string, string>): string[] => [
  `${prefix}|-|${table.initial}`,
  ...Object.entries(table.moves).flatMap(([from, moves]) => Object.values(moves as Record<string, string>).map((to) => `${prefix}|${from}|${to}`)),
];
const allowed_moves = [
  ...movesOf('pay', payment_table as unknown as Table<string, string>),
  ...movesOf('att', attempt_table as unknown as Table<string, string>),
  ...movesOf('ref', refund_table as unknown as Table<string, string>),
];

const report = {
  zh: '历史与现状不符：保留数据库备份并报告，说明这一行何时被谁改过。',
  en: 'History and row disagree: keep a backup and report it, with what is known of who changed the row and when.',
};
const wake = {
  zh: '确认至少有一个 role 为 all 或 worker 的节点在运行且能连上渠道；之后它会自动继续。',
  en: 'See that at least one node with the role all or worker runs and reaches the channel; it then goes on by itself.',
};

/** What holds of states, their history and time. */
export const history_rules: readonly Rule[] = [
  {
    id: 'I-17.1',
    area: 'history',
    severity: 2,
    class: 'S',
    title: { zh: '每一步都是状态机允许的', en: 'every recorded step is one that its machine has' },
    remedy: report,
    names: ['merchant_id', 'object_id'],
    since: 'touched',
    queries: (of) => [
      sql`select merchant_id, object_id, version, from_state, to_state from ${of.transitions} t
        where substr(object_id, 1, 3) || '|' || coalesce(from_state, '-') || '|' || to_state <> all (${allowed_moves}::text[])`,
    ],
  },
  {
    // A payment's version also guards its attempts and refunds, so it moves on without a step of the payment's own.
    id: 'I-18.1',
    area: 'history',
    severity: 2,
    class: 'S',
    title: {
      zh: '版本从 1 起没有缺号，每一步从上一步的终点开始（支付单的版本也守护其尝试与退款，只须递增）',
      en: 'versions begin with 1 and have no gap, and each step begins where the one before ended (a payment\u2019s version also guards its attempts and refunds and only grows)',
    },
    remedy: report,
    names: ['merchant_id', 'object_id'],
    since: 'touched',
    queries: (of) => [
      sql`select merchant_id, object_id, version, from_state, before as state_before from (
          select merchant_id, object_id, version, from_state, row_number() over w as nth, lag(to_state) over w as before
          from ${of.transitions} t window w as (partition by merchant_id, object_id order by version)) steps
        where from_state is distinct from before or (version <> nth and (object_id not like 'pay\\_%' or nth = 1))`,
    ],
  },
  {
    id: 'I-19.1',
    area: 'history',
    severity: 2,
    class: 'S',
    title: { zh: '每一行都是它最后一步的状态与版本', en: 'a row is what its last step says' },
    remedy: report,
    names: ['merchant_id', 'object_id'],
    since: 'touched',
    queries: (of) => [
      sql`with rows as (
          select merchant_id, id, state, version, false as guards from ${of.attempts} a
          union all select merchant_id, id, state, version, false from ${of.refunds} r
          union all select merchant_id, id, state, version, true from ${of.payments} p
        ), last as (
          select distinct on (merchant_id, object_id) merchant_id, object_id, to_state, version from ${of.transitions} t order by merchant_id, object_id, version desc
        )
        select r.merchant_id, r.id as object_id, r.state, l.to_state, r.version, l.version as step_version
        from rows r left join last l on l.merchant_id = r.merchant_id and l.object_id = r.id
        where l.object_id is null or l.to_state <> r.state or (not r.guards and l.version <> r.version) or l.version > r.version`,
    ],
  },
  {
    id: 'I-19.2',
    area: 'history',
    severity: 2,
    class: 'S',
    title: {
      zh: '支付单的尝试数与最近一次尝试属实，只有带收银台页面的才可以尚无尝试',
      en: 'a payment counts its attempts and names the latest; only one with a page may have none yet',
    },
    remedy: report,
    names: ['merchant_id', 'payment_id'],
    since: 'touched',
    queries: (of) => [
      sql`select p.merchant_id, p.id as payment_id, p.attempt_count, coalesce(a.attempts, 0) as attempts, p.latest_attempt_id
        from ${of.payments} p left join (select merchant_id, payment_id, count(*) as attempts from ${of.attempts} a group by merchant_id, payment_id) a
          on a.merchant_id = p.merchant_id and a.payment_id = p.id
        where p.attempt_count <> coalesce(a.attempts, 0) or (p.latest_attempt_id is null) <> (p.attempt_count = 0)
          or (p.attempt_count = 0 and p.checkout_token is null)`,
    ],
  },
  {
    id: 'I-20.1',
    area: 'history',
    severity: 3,
    class: 'S',
    title: { zh: '未完结的都排定了下一次查询或关单，且不晚于规定', en: 'what is open will be looked at again, no later than the schedule allows' },
    remedy: {
      zh: '没有节点会再看它：请求 POST /v1/payments/{id}/sync 使其查询渠道，并报告。',
      en: 'No node will look at it again: ask POST /v1/payments/{id}/sync, which queries the channel, and report it.',
    },
    names: ['merchant_id', 'object_id'],
    since: 'touched',
    queries: (of) => [
      sql`select merchant_id, id as object_id, state, next_query_at as next_at from ${of.attempts} a
        where state in ('sending', 'waiting') and (next_query_at is null or next_query_at > ${of.now}::timestamptz + interval '1 hour')`,
      sql`select merchant_id, id as object_id, state, next_query_at as next_at from ${of.refunds} r
        where state in ('sending', 'pending') and (next_query_at is null or next_query_at > ${of.now}::timestamptz + interval '2 hours')`,
      sql`select merchant_id, id as object_id, state, next_close_at as next_at from ${of.payments} p
        where state = 'pending' and (next_close_at is null or next_close_at > greatest(expires_at, ${of.now}::timestamptz + interval '1 hour'))`,
    ],
  },
  {
    id: 'I-20.2',
    area: 'history',
    severity: 3,
    class: 'D',
    title: { zh: '到期一小时以上的都有人处理了', en: 'nothing waits more than an hour beyond its time' },
    remedy: wake,
    names: ['merchant_id', 'object_id'],
    since: 'touched',
    queries: (of) => [
      sql`select merchant_id, id as object_id, next_query_at as due_at from ${of.attempts} a where next_query_at < ${of.now}::timestamptz - interval '1 hour'`,
      sql`select merchant_id, id as object_id, next_query_at as due_at from ${of.refunds} r where next_query_at < ${of.now}::timestamptz - interval '1 hour'`,
      sql`select merchant_id, id as object_id, next_close_at as due_at from ${of.payments} p where next_close_at < ${of.now}::timestamptz - interval '1 hour'`,
    ],
  },
  {
    // A refund that the channel cannot finish stays open, but a person was told of it.
    id: 'I-20.3',
    area: 'history',
    severity: 3,
    class: 'Q',
    title: { zh: '静止之后没有未完结的（已提请人工的退款除外）', en: 'nothing is open, apart from refunds that a person was told of' },
    remedy: wake,
    names: ['merchant_id', 'object_id'],
    since: 'touched',
    queries: (of) => [
      sql`select merchant_id, id as object_id, state from ${of.attempts} a where state in ('sending', 'waiting')`,
      sql`select merchant_id, id as object_id, state from ${of.payments} p where state = 'pending'`,
      sql`select r.merchant_id, r.id as object_id, r.state from ${of.refunds} r where r.state in ('sending', 'pending') and ${isAlone}`,
    ],
  },
  {
    // A channel's times come from another clock, and have no fractions of a second.
    id: 'I-21.1',
    area: 'history',
    severity: 3,
    class: 'S',
    title: {
      zh: '没有事情早于它可能发生的时刻，也不在将来（容差 5 分钟）',
      en: 'nothing happens before it could, nor in the future, give or take five minutes',
    },
    remedy: { zh: '检查各节点的时钟；渠道的时间则在渠道平台核对。', en: 'Check the clocks of the nodes; look a channel\u2019s time up at the channel.' },
    names: ['merchant_id', 'object_id'],
    since: 'touched',
    queries: (of) => [
      sql`select merchant_id, id as object_id, created_at, paid_at, closed_at from ${of.payments} p
        where closed_at < created_at - interval '5 minutes' or expires_at < created_at or created_at > ${of.now}::timestamptz + interval '5 minutes'`,
      sql`select merchant_id, id as object_id, created_at, paid_at from ${of.attempts} a
        where paid_at < created_at - interval '5 minutes' or paid_at > ${of.now}::timestamptz + interval '5 minutes'`,
      sql`select merchant_id, id as object_id, created_at, refunded_at from ${of.refunds} r
        where refunded_at < created_at - interval '5 minutes' or refunded_at > ${of.now}::timestamptz + interval '5 minutes'`,
    ],
  },
  {
    id: 'I-21.2',
    area: 'history',
    severity: 3,
    class: 'S',
    title: { zh: '每一步不早于上一步（容差 5 分钟）', en: 'no step is older than the one before, give or take five minutes' },
    remedy: { zh: '检查各节点的时钟是否同步。', en: 'Check that the clocks of the nodes agree.' },
    names: ['merchant_id', 'object_id'],
    since: 'touched',
    queries: (of) => [
      sql`select merchant_id, object_id, version, at, before as before_at from (
          select merchant_id, object_id, version, at, lag(at) over (partition by merchant_id, object_id order by version) as before from ${of.transitions} t) steps
        where at < before - interval '5 minutes'`,
    ],
  },
];

/** True of a refund `r` that no person was told of. */
export const isAlone = sql`not exists (select 1 from anomalies x where x.merchant_id = r.merchant_id and x.refund_id = r.id and x.kind = 'refund_stuck')`;
