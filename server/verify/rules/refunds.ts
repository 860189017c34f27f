import { sql } from 'kysely';
import type { Rule } from '../rule.ts';

const look_at_channel = {
  zh: '在渠道平台按退款单号核对，先查明退了多少，再联系开发者：不要手工改库，也不要再退。',
  en: 'Look the refund up on the channel\u2019s platform, find out what really went back and report it; neither edit the database nor refund again.',
};

/** What holds of refunds. */
export const refund_rules: readonly Rule[] = [
  {
    id: 'I-11.1',
    area: 'refunds',
    severity: 1,
    class: 'S',
    title: { zh: '一次尝试退出的钱（未被拒绝的都算）不超过收到的', en: 'no attempt gives back more than it took, counting what is not refused' },
    remedy: look_at_channel,
    names: ['merchant_id', 'attempt_id'],
    since: 'touched',
    queries: (of) => [
      sql`select r.merchant_id, r.attempt_id, a.amount_fen, sum(r.amount_fen)::bigint as going_back_fen
        from ${of.refunds} r join ${of.attempts} a on a.merchant_id = r.merchant_id and a.id = r.attempt_id
        where r.state <> 'refused' group by r.merchant_id, r.attempt_id, a.amount_fen having sum(r.amount_fen) > a.amount_fen`,
    ],
  },
  {
    id: 'I-11.2',
    area: 'refunds',
    severity: 1,
    class: 'S',
    title: { zh: '支付单的在退、已退金额与退款数等于其退款之和', en: 'the refund amounts and count of a payment are the sums of its refunds' },
    remedy: look_at_channel,
    names: ['merchant_id', 'payment_id'],
    since: 'touched',
    queries: (of) => [
      sql`select p.merchant_id, p.id as payment_id, p.refunding_fen, p.refunded_fen, p.refund_count,
          coalesce(r.open_fen, 0)::bigint as open_fen, coalesce(r.done_fen, 0)::bigint as done_fen, coalesce(r.refunds, 0) as refunds
        from ${of.payments} p left join (
          select merchant_id, payment_id, count(*) as refunds, sum(amount_fen) filter (where state in ('sending', 'pending')) as open_fen,
            sum(amount_fen) filter (where state = 'succeeded') as done_fen
          from ${of.refunds} r where cause in ('merchant', 'cancel') group by merchant_id, payment_id
        ) r on r.merchant_id = p.merchant_id and r.payment_id = p.id
        where p.refunding_fen <> coalesce(r.open_fen, 0) or p.refunded_fen <> coalesce(r.done_fen, 0) or p.refund_count <> coalesce(r.refunds, 0)`,
    ],
  },
  {
    id: 'I-11.3',
    area: 'refunds',
    severity: 1,
    class: 'S',
    title: { zh: '支付单的在退与已退之和不超过已付', en: 'what a payment gives back is no more than what was paid' },
    remedy: look_at_channel,
    names: ['merchant_id', 'payment_id'],
    since: 'touched',
    queries: (of) => [
      sql`select merchant_id, id as payment_id, paid_fen, refunding_fen, refunded_fen from ${of.payments} p where refunding_fen + refunded_fen > paid_fen`,
    ],
  },
  {
    id: 'I-13.1',
    area: 'refunds',
    severity: 1,
    class: 'S',
    title: { zh: '一个商户退款号只有一笔退款', en: 'a refund number of a merchant is one refund' },
    remedy: {
      zh: '可能退了两次：在渠道平台核对这两笔退款，并用 amcheck 检查唯一索引。',
      en: 'It may have been refunded twice: compare both with the channel, and check the unique index with amcheck.',
    },
    names: ['merchant_id', 'merchant_refund_no'],
    since: 'everything',
    queries: (of) => [
      sql`select merchant_id, livemode, merchant_refund_no, count(*) as refunds, min(id) as refund_id, max(id) as other_refund_id from ${of.refunds} r
        where merchant_refund_no is not null group by merchant_id, livemode, merchant_refund_no having count(*) > 1`,
    ],
  },
  {
    id: 'I-14.1',
    area: 'refunds',
    severity: 1,
    class: 'S',
    title: { zh: '钱退回它来的那次尝试', en: 'money goes back to where it came from' },
    remedy: look_at_channel,
    names: ['merchant_id', 'refund_id'],
    since: 'touched',
    queries: (of) => [
      sql`select r.merchant_id, r.id as refund_id, r.cause, r.payment_id, a.id as attempt_id, a.payment_id as payment_of_attempt, a.state as attempt_state, a.disposition
        from ${of.refunds} r left join ${of.attempts} a on a.merchant_id = r.merchant_id and a.id = r.attempt_id
        where a.id is null or a.payment_id <> r.payment_id or a.state <> 'succeeded' or a.currency <> r.currency
          or a.disposition is distinct from case when r.cause in ('merchant', 'cancel') then 'accepted' else r.cause end`,
    ],
  },
  {
    id: 'I-15.1',
    area: 'refunds',
    severity: 1,
    class: 'S',
    title: {
      zh: '退款只凭收款账户所在渠道的话，或凭证据的人工决定，才有结果',
      en: 'a refund ends only by the word of the channel account that took the money, or by a person with evidence',
    },
    remedy: look_at_channel,
    names: ['merchant_id', 'refund_id'],
    since: 'touched',
    queries: (of) => [
      sql`select r.merchant_id, r.id as refund_id, t.to_state, t.via, t.evidence_id
        from ${of.refunds} r
        join ${of.attempts} a on a.merchant_id = r.merchant_id and a.id = r.attempt_id
        join ${of.transitions} t on t.merchant_id = r.merchant_id and t.object_id = r.id and t.to_state in ('succeeded', 'refused')
        left join ${of.proofs} e on e.merchant_id = t.merchant_id and e.id = t.evidence_id
        where e.id is null or t.via not in ('answer', 'query', 'notification', 'bill', 'operator') or e.channel_account_id <> a.channel_account_id`,
    ],
  },
  {
    id: 'I-16.1',
    area: 'refunds',
    severity: 1,
    class: 'S',
    title: { zh: '成功的退款不再改变', en: 'a refund that succeeded never changes' },
    remedy: look_at_channel,
    names: ['merchant_id', 'refund_id'],
    since: 'touched',
    queries: (of) => [
      sql`select merchant_id, object_id as refund_id, version, to_state from ${of.transitions} t where object_id like 'ref\\_%' and from_state = 'succeeded'`,
    ],
  },
];
