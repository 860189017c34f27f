import { type RawBuilder, sql } from 'kysely';
import { channels } from '../../channels/registry.ts';
import { amount_fen_max } from '../../kernel/limits.ts';
import type { Rule } from '../rule.ts';
import type { Scope } from '../scope.ts';

const look_at_channel = {
  zh: '在渠道平台按渠道订单号核对这笔钱，再联系开发者：不要手工改库。',
  en: "Look the order up on the channel's platform by its order number and report it; do not edit the database by hand.",
};

/** Attempts that reached a state without a stored message of the channel. */
const unevidenced = (of: Scope, state: string): RawBuilder<Record<string, unknown>> =>
  sql`select a.merchant_id, a.id as attempt_id, a.payment_id, a.state, t.via, t.evidence_id from ${of.attempts} a
    left join ${of.transitions} t on t.merchant_id = a.merchant_id and t.object_id = a.id and t.to_state = a.state
    left join ${of.proofs} e on e.merchant_id = t.merchant_id and e.id = t.evidence_id
    where a.state = ${state} and (e.id is null or t.via not in ('answer', 'query', 'notification', 'bill', 'operator') or e.channel_account_id <> a.channel_account_id)`;

/** Channels whose orders nobody can end or bar before their time. */
const time_ends = [...channels.values()].flatMap(({ code, close, bar }) => (close || bar ? [] : [code]));
/** Nodes follow the clock of their database to the millisecond; this much is surely something else. */
const clocks_apart = sql.raw("interval '1 second'");

/** What holds of payments and their attempts. */
export const payment_rules: readonly Rule[] = [
  {
    id: 'I-01.1',
    area: 'payments',
    severity: 1,
    class: 'S',
    title: { zh: '每一次成功都有该渠道账户自己的、验过签的原话为证', en: "a success has the words of the attempt's own channel account as evidence" },
    remedy: look_at_channel,
    names: ['merchant_id', 'attempt_id'],
    since: 'touched',
    queries: (of) => [unevidenced(of, 'succeeded')],
  },
  {
    id: 'I-03.1',
    area: 'payments',
    severity: 1,
    class: 'S',
    title: { zh: '有收款凭据的尝试一定是成功的，成功的一定有凭据', en: 'an attempt has proof of money exactly when it succeeded' },
    remedy: look_at_channel,
    names: ['merchant_id', 'attempt_id'],
    since: 'touched',
    queries: (of) => [
      sql`select merchant_id, id as attempt_id, state, disposition, channel_transaction_id, paid_at from ${of.attempts} a
        where (state = 'succeeded') <> (channel_transaction_id is not null) or (state = 'succeeded') <> (paid_at is not null)
          or (state = 'succeeded') <> (disposition is not null) or (state <> 'succeeded' and payer_amount_fen is not null)`,
    ],
  },
  {
    id: 'I-04.1',
    area: 'payments',
    severity: 1,
    class: 'S',
    title: { zh: '一张支付单至多采信一次成功', en: 'at most one accepted success of a payment' },
    remedy: {
      zh: '付款人可能付了两次：在渠道平台核对各次尝试，多收的退回。',
      en: 'The payer may have paid twice: compare the attempts with the channel and give back what is too much.',
    },
    names: ['merchant_id', 'payment_id'],
    since: 'touched',
    queries: (of) => [
      sql`select merchant_id, payment_id, count(*) as accepted from ${of.attempts} a where disposition = 'accepted' group by merchant_id, payment_id having count(*) > 1`,
    ],
  },
  {
    id: 'I-05.1',
    area: 'payments',
    severity: 1,
    class: 'S',
    title: {
      zh: '重复或迟到的款项已全额退回、正在退回，或已提请人工（商户选择保留重复款项的除外）',
      en: 'duplicate and late money goes back whole, or a person was told, unless the merchant keeps duplicates',
    },
    remedy: {
      zh: '在渠道平台核对该尝试，把钱退给付款人。数据库版本 39 之前的款项，若商户当时的设置是保留重复款项，则无需处理。',
      en: 'Look the attempt up at the channel and give the money back. Of money from before version 39 of the schema nothing is to be done where the merchant kept duplicates at that time.',
    },
    names: ['merchant_id', 'attempt_id'],
    since: 'touched',
    // By what was decided then; of older rows only the policy of today is known.
    queries: (of) => [
      sql`select a.merchant_id, a.id as attempt_id, a.disposition, a.amount_fen, coalesce(sum(r.amount_fen), 0)::bigint as going_back_fen
        from ${of.attempts} a join merchants m on m.id = a.merchant_id
        left join ${of.refunds} r on r.merchant_id = a.merchant_id and r.attempt_id = a.id and r.state <> 'refused'
        where a.disposition in ('duplicate', 'late') and not coalesce(a.kept, a.disposition = 'duplicate' and m.duplicate_policy = 'keep' and a.reversing_at is null)
          and not exists (select 1 from ${of.refunds} s where s.merchant_id = a.merchant_id and s.attempt_id = a.id and s.state = 'refused' and s.cause = a.disposition)
        group by a.merchant_id, a.id, a.disposition, a.amount_fen having coalesce(sum(r.amount_fen), 0) <> a.amount_fen`,
    ],
  },
  {
    id: 'I-05.2',
    area: 'payments',
    severity: 1,
    class: 'S',
    title: { zh: '退不回去的重复或迟到款项已提请人工', en: 'duplicate and late money that cannot go back was shown to a person' },
    remedy: {
      zh: '渠道拒绝了这笔退款而没有人被告知：在渠道平台把钱退给付款人。',
      en: 'The channel refused this refund and nobody was told: give the money back on the channel\u2019s platform.',
    },
    names: ['merchant_id', 'refund_id'],
    since: 'touched',
    queries: (of) => [
      sql`select r.merchant_id, r.id as refund_id, r.attempt_id, r.amount_fen from ${of.refunds} r
        where r.state = 'refused' and r.cause in ('duplicate', 'late') and not exists (
          select 1 from anomalies x where x.merchant_id = r.merchant_id and x.fingerprint = 'refund_stuck|' || r.id)`,
    ],
  },
  {
    id: 'I-06.1',
    area: 'payments',
    severity: 1,
    class: 'S',
    title: { zh: '尝试的金额与币种等于支付单的', en: 'an attempt is of the amount and currency of its payment' },
    remedy: look_at_channel,
    names: ['merchant_id', 'attempt_id'],
    since: 'touched',
    queries: (of) => [
      sql`select a.merchant_id, a.id as attempt_id, a.amount_fen, p.amount_fen as payment_amount_fen, a.currency, p.currency as payment_currency, a.payer_amount_fen
        from ${of.attempts} a join ${of.payments} p on p.merchant_id = a.merchant_id and p.id = a.payment_id
        where a.amount_fen <> p.amount_fen or a.currency <> p.currency or a.payer_amount_fen > a.amount_fen`,
    ],
  },
  {
    id: 'I-06.2',
    area: 'payments',
    severity: 1,
    class: 'S',
    title: {
      zh: '支付单恰在有采信的成功时为已付，并指明那次尝试',
      en: 'a payment is paid exactly when it has an accepted attempt, names it and has its amount',
    },
    remedy: look_at_channel,
    names: ['merchant_id', 'payment_id'],
    since: 'touched',
    queries: (of) => [
      sql`select p.merchant_id, p.id as payment_id, p.state, p.paid_fen, p.accepted_attempt_id, a.id as accepted
        from ${of.payments} p left join ${of.attempts} a on a.merchant_id = p.merchant_id and a.payment_id = p.id and a.disposition = 'accepted'
        where (p.state = 'paid') <> (a.id is not null) or p.accepted_attempt_id is distinct from a.id
          or p.paid_fen <> coalesce(a.amount_fen, 0) or p.paid_at is distinct from a.paid_at`,
    ],
  },
  {
    id: 'I-07.2',
    area: 'payments',
    severity: 1,
    class: 'S',
    title: { zh: '一个渠道交易号只属于一次尝试，跨所有商户', en: 'a transaction number of a channel belongs to one attempt, across all merchants' },
    remedy: {
      zh: '同一笔钱记了两次：在渠道平台按交易号查明它属于哪一单。',
      en: 'The same money was booked twice: find out at the channel which order the transaction belongs to.',
    },
    names: ['channel', 'channel_transaction_id'],
    since: 'everything',
    queries: (of) => [
      sql`select a.channel, a.channel_transaction_id, count(*) as attempts, min(a.id) as attempt_id, max(a.id) as other_attempt_id
        from ${of.attempts} a join channel_accounts c on c.merchant_id = a.merchant_id and c.id = a.channel_account_id
        where a.channel_transaction_id is not null group by a.channel, c.livemode, a.channel_transaction_id having count(*) > 1`,
    ],
  },
  {
    id: 'I-07.3',
    area: 'payments',
    severity: 1,
    class: 'S',
    title: { zh: '一个商户订单号只有一张支付单', en: 'an order number of a merchant is one payment' },
    remedy: {
      zh: '唯一索引可能已损坏：用 amcheck 检查并重建索引，再核对这两张支付单。',
      en: 'The unique index may be damaged: check it with amcheck, rebuild it, then look at both payments.',
    },
    names: ['merchant_id', 'merchant_order_no'],
    since: 'everything',
    queries: (of) => [
      sql`select merchant_id, livemode, merchant_order_no, count(*) as payments, min(id) as payment_id, max(id) as other_payment_id from ${of.payments} p
        group by merchant_id, livemode, merchant_order_no having count(*) > 1`,
    ],
  },
  {
    id: 'I-07.4',
    area: 'payments',
    severity: 1,
    class: 'S',
    title: { zh: '编号合乎格式，推导出的渠道订单号因而各不相同', en: 'ids have their form, so that the channel order numbers made of them differ' },
    remedy: { zh: '这一行不是合流写入的：查明来源。', en: 'This row was not written by Heliu: find out where it comes from.' },
    names: ['merchant_id', 'id'],
    since: 'touched',
    queries: (of) =>
      [
        [of.payments, 'pay'],
        [of.attempts, 'att'],
        [of.refunds, 'ref'],
      ].map(([rows, prefix]) => sql`select merchant_id, id from ${rows} t where id !~ ${`^${prefix}_[0-9A-HJKMNP-TV-Z]{26}$`}`),
  },
  {
    id: 'I-08.1',
    area: 'payments',
    severity: 1,
    class: 'S',
    title: { zh: '尝试只凭渠道的话才算关闭', en: "an attempt is closed only by the channel's word" },
    remedy: look_at_channel,
    names: ['merchant_id', 'attempt_id'],
    since: 'touched',
    // One that never left this house was ended by the request that tried another account: its next step is its last.
    queries: (of) => [
      sql`select u.* from (${unevidenced(of, 'closed')}) u
        left join ${of.transitions} t on t.merchant_id = u.merchant_id and t.object_id = u.attempt_id and t.version = 2 and t.from_state = 'sending' and t.to_state = 'closed'
        left join ${of.attempts} n on n.merchant_id = t.merchant_id and n.payment_id = u.payment_id and n.created_at = t.at and n.id <> t.object_id
        where not coalesce(u.via = 'request' and u.evidence_id is null and n.id is not null, false)`,
    ],
  },
  {
    id: 'I-08.2',
    area: 'payments',
    severity: 1,
    class: 'S',
    title: { zh: '尝试只凭渠道的话才算被拒', en: "an attempt is refused only by the channel's word" },
    remedy: look_at_channel,
    names: ['merchant_id', 'attempt_id'],
    since: 'touched',
    queries: (of) => [unevidenced(of, 'refused')],
  },
  {
    id: 'I-08.3',
    area: 'payments',
    severity: 1,
    class: 'S',
    title: { zh: '已关闭的支付单没有仍可能被支付的尝试', en: 'a closed payment has no attempt that may still be paid' },
    remedy: { zh: '付款人仍可能付款：在渠道平台关闭该订单。', en: 'The payer may still pay: close the order on the channel\u2019s platform.' },
    names: ['merchant_id', 'payment_id'],
    since: 'touched',
    queries: (of) => [
      sql`select p.merchant_id, p.id as payment_id, a.id as attempt_id, a.state as attempt_state
        from ${of.payments} p join ${of.attempts} a on a.merchant_id = p.merchant_id and a.payment_id = p.id
        where p.state = 'closed' and a.state in ('sending', 'waiting')`,
    ],
  },
  {
    id: 'I-08.4',
    area: 'payments',
    severity: 1,
    class: 'S',
    title: {
      zh: '因过期而关闭的支付单，关闭不早于到期；付款人拿到过支付凭据、而渠道不能关单的，所凭的原话不早于到期',
      en: 'a payment that expired was closed no earlier than it expires; where its payer had something to pay with and the channel cannot close, so was the word that it rests on',
    },
    remedy: look_at_channel,
    names: ['merchant_id', 'payment_id'],
    since: 'touched',
    // Of such a channel all there is to know is that nobody has paid: before the expiry the payer still may.
    queries: (of) => [
      sql`select merchant_id, id as payment_id, closed_at, expires_at from ${of.payments} p
        where state = 'closed' and closed_reason = 'expired' and closed_at < expires_at - ${clocks_apart}`,
      sql`select a.merchant_id, a.payment_id, a.id as attempt_id, e.received_at, p.expires_at from ${of.attempts} a
        join ${of.payments} p on p.merchant_id = a.merchant_id and p.id = a.payment_id
        join ${of.transitions} t on t.merchant_id = a.merchant_id and t.object_id = a.id and t.to_state = 'closed' and t.from_state = 'waiting' and t.via = 'answer'
        join ${of.proofs} e on e.merchant_id = t.merchant_id and e.id = t.evidence_id
        where a.channel = any (${time_ends}::text[]) and a.method not like '%\\_barcode' and a.reversing_at is null and e.received_at < p.expires_at - ${clocks_apart}`,
    ],
  },
  {
    id: 'I-09.1',
    area: 'payments',
    severity: 1,
    class: 'S',
    title: { zh: '渠道的话不早于它所说的订单或退款', en: 'no word of a channel is older than the order or refund it is about' },
    remedy: {
      zh: '若各节点时钟同步（误差 5 分钟内），则这笔订单先发出、后入库：请报告。',
      en: 'Where the clocks of the nodes agree within five minutes, something was sent before it was stored: report it.',
    },
    names: ['merchant_id', 'object_id'],
    since: 'touched',
    queries: (of) => [
      sql`select t.merchant_id, t.object_id, t.version, f.at as stored_at, e.received_at from ${of.transitions} t
        join ${of.transitions} f on f.merchant_id = t.merchant_id and f.object_id = t.object_id and f.version = 1
        join ${of.proofs} e on e.merchant_id = t.merchant_id and e.id = t.evidence_id
        where t.version > 1 and e.received_at < f.at - interval '5 minutes'`,
    ],
  },
  {
    id: 'I-10.1',
    area: 'payments',
    severity: 1,
    class: 'S',
    title: { zh: '每条异常都通知了商户', en: 'the merchant was told of each anomaly' },
    remedy: {
      zh: '商户与运维人员可能不知道这条异常：按“运维”一页处理它。',
      en: 'Nobody may know of this anomaly: deal with it as the page on operations says.',
    },
    names: ['merchant_id', 'anomaly_id'],
    since: 'touched',
    queries: (of) => [
      sql`select x.merchant_id, x.id as anomaly_id, x.kind, x.payment_id from ${of.anomalies} x
        left join ${of.events} e on e.merchant_id = x.merchant_id and e.object_id = x.id and e.type = 'anomaly.opened' and e.livemode = x.livemode
        where e.id is null`,
    ],
  },
  {
    id: 'I-28b.2',
    area: 'payments',
    severity: 1,
    class: 'S',
    title: { zh: '每个金额都在 1 分与上限之间，币种为人民币', en: 'every amount is between one fen and the limit, in yuan' },
    remedy: { zh: '在渠道平台核对该笔金额，并查明谁写了这一行。', en: 'Compare the amount with the channel, and find out who wrote the row.' },
    names: ['merchant_id', 'id'],
    since: 'touched',
    queries: (of) =>
      [of.payments, of.attempts, of.refunds].map(
        (rows) => sql`select merchant_id, id, amount_fen, currency from ${rows} t
          where amount_fen is null or amount_fen not between 1 and ${sql.lit(amount_fen_max)} or currency is distinct from 'CNY'`,
      ),
  },
];
