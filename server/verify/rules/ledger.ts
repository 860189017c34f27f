import { sql } from 'kysely';
import { account_names } from '../../ledger/account.ts';
import { money_events } from '../../ledger/projection/event-postings.ts';
import type { Query, Rule } from '../rule.ts';
import type { Fragment } from '../scope.ts';

const replay = {
  zh: '运行 heliu ledger replay 找出与事件不符的凭证并报告；不要手工改库，查明后以冲正更正。',
  en: 'Run heliu ledger replay to see which postings differ from their events, and report it; do not edit the database: once it is understood, post a reversal.',
};

/** Books that have seen every event of their merchant: of these, the ledger says what payments and refunds say. */
const caught_up = sql`(select b.merchant_id, b.livemode from ledger_books b join event_sequences s on s.merchant_id = b.merchant_id and s.livemode = b.livemode and s.last = b.position
  where not exists (select 1 from events e where e.sequence is null and e.merchant_id = b.merchant_id and e.livemode = b.livemode))`;

/** `numerator / denominator`, both above zero, rounded as a price names it. */
const rounded = (numerator: Fragment, denominator: Fragment, rounding: Fragment): Fragment => sql`(div(${numerator}, ${denominator}) + case ${rounding}
    when 'down' then 0
    when 'up' then case when mod(${numerator}, ${denominator}) > 0 then 1 else 0 end
    when 'half_up' then case when 2 * mod(${numerator}, ${denominator}) >= ${denominator} then 1 else 0 end
    else case when 2 * mod(${numerator}, ${denominator}) + mod(div(${numerator}, ${denominator}), 2) > ${denominator} then 1 else 0 end end)`;

/** What the payments of the same price had come to in the calendar month before this one, in the order of the book. */
const volume_before = sql`coalesce(sum(p.amount_fen) over (partition by p.merchant_id, x.id, to_char(p.fact_at at time zone 'Asia/Shanghai', 'YYYY-MM') order by p.no
  rows between unbounded preceding and 1 preceding), 0)`;

/**
 * Payments whose fee is not what their price makes of them. Only prices of several tiers ask for the volume of their month.
 * `offset 0`: else the tier is looked for once for each place that names it.
 */
const feesOff = (volume: Fragment, tiers: Fragment): Query => sql`select merchant_id, posting_id, price_id, amount_fen, fee_fen, volume_fen from (
    select c.*, (c.tier ->> 'min_fen')::numeric as least_fen, (c.tier ->> 'max_fen')::numeric as most_fen,
      ${rounded(sql`(c.amount_fen * (c.tier ->> 'rate_ppm')::numeric)`, sql`1000000::numeric`, sql`c.rounding`)} + (c.tier ->> 'per_item_fen')::numeric as usual_fen
    from (
      select v.*, (select t from jsonb_array_elements(v.tiers) t where (t ->> 'from_fen')::numeric <= v.volume_fen order by (t ->> 'from_fen')::numeric desc limit 1) as tier from (
        select p.merchant_id, p.id as posting_id, p.detail ->> 'price_id' as price_id, p.amount_fen, p.fee_fen, x.terms -> 'tiers' as tiers, x.terms ->> 'rounding' as rounding, ${volume} as volume_fen,
          x.livemode = p.livemode and x.effective_from <= p.fact_at and coalesce(x.channel, p.channel) = p.channel and coalesce(x.method, p.method) = p.method
            and x.terms ->> 'rounding' = p.detail ->> 'rounding' and x.terms ->> 'refund' = p.detail ->> 'refund_fee' as fits
        from ledger_postings p join prices x on x.merchant_id = p.merchant_id and x.id = p.detail ->> 'price_id'
        where p.kind = 'payment' and p.source_id like 'evt\\_%' and jsonb_array_length(x.terms -> 'tiers') ${tiers} 1
      ) v offset 0
    ) c
  ) f where fits is not true or fee_fen <> least(amount_fen, greatest(least_fen, least(most_fen, usual_fen)))`;

/**
 * Payments of which another price says more (channel and method, then method, then channel, then all), or the same and began
 * later, and those that had a fee without any. A price that was set within a minute of the event may have come after it.
 */
const priced_otherwise: Query = sql`select p.merchant_id, p.id as posting_id, p.detail ->> 'price_id' as price_id, y.id as right_price_id, p.fee_fen from ledger_postings p
  join events e on e.merchant_id = p.merchant_id and e.id = p.source_id
  left join prices x on x.merchant_id = p.merchant_id and x.id = p.detail ->> 'price_id'
  left join prices y on y.merchant_id = p.merchant_id and y.livemode = p.livemode and y.effective_from <= p.fact_at and y.created_at < e.created_at - interval '1 minute'
    and coalesce(y.channel, p.channel) = p.channel and coalesce(y.method, p.method) = p.method
    and (x.id is null or (y.method is not null, y.channel is not null, y.effective_from) > (x.method is not null, x.channel is not null, x.effective_from))
  where p.kind = 'payment' and (y.id is not null or (x.id is null and (p.fee_fen <> 0 or p.detail ->> 'price_id' is not null)))`;

/** Counted over all refunds so far, so that many small ones return as much as one. */
const returnsOff: Query = sql`select merchant_id, posting_id, attempt_id, fee_fen, taken_fen, gone_fen, returned_fen from (
    select r.*, p.amount_fen as paid_fen, p.fee_fen as taken_fen, p.detail ->> 'refund_fee' as goes,
      ${rounded(sql`(p.fee_fen * r.gone_fen)`, sql`p.amount_fen::numeric`, sql`p.detail ->> 'rounding'`)} as share_fen
    from (
      select merchant_id, id as posting_id, attempt_id, kind, fee_fen, sum(amount_fen) over (partition by merchant_id, attempt_id order by no) as gone_fen,
        coalesce(sum(fee_fen) over (partition by merchant_id, attempt_id order by no rows between unbounded preceding and 1 preceding), 0) as returned_fen
      from ledger_postings where kind in ('refund', 'return')
    ) r join ledger_postings p on p.merchant_id = r.merchant_id and p.attempt_id = r.attempt_id and p.kind = 'payment'
    where r.kind = 'refund'
  ) f where fee_fen <> case goes when 'returned' then greatest(0, case when gone_fen >= paid_fen then taken_fen else share_fen end - returned_fen) else 0 end`;

/** What holds of the ledger. */
export const ledger_rules: readonly Rule[] = [
  {
    id: 'I-22.1',
    area: 'ledger',
    severity: 1,
    class: 'S',
    title: { zh: '每张凭证都有分录，且借贷相抵', en: 'every posting has entries, and they sum to zero' },
    remedy: replay,
    names: ['merchant_id', 'posting_id'],
    since: 'everything',
    queries: () => [
      sql`select p.merchant_id, p.id as posting_id, sum(e.amount_fen) as sum_fen from ledger_postings p
        left join ledger_entries e on e.merchant_id = p.merchant_id and e.posting_id = p.id
        group by p.merchant_id, p.id having coalesce(sum(e.amount_fen), 1) <> 0 or count(distinct e.currency) <> 1`,
    ],
  },
  {
    id: 'I-23.1',
    area: 'ledger',
    severity: 1,
    class: 'S',
    title: { zh: '每个科目每日的发生额等于其分录之和', en: 'what moved on each account on each day is the sum of its entries' },
    remedy: replay,
    names: ['merchant_id', 'account', 'party_id', 'biz_date'],
    since: 'everything',
    queries: () => [
      sql`select merchant_id, livemode, account, party_id, biz_date, sum(debit_fen) as debit_fen_apart, sum(credit_fen) as credit_fen_apart from (
          select merchant_id, livemode, account, party_id, currency, biz_date, debit_fen, credit_fen from ledger_turnovers
          union all select p.merchant_id, p.livemode, e.account, e.party_id, e.currency, p.biz_date, -greatest(e.amount_fen, 0), -greatest(-e.amount_fen, 0)
          from ledger_postings p join ledger_entries e on e.merchant_id = p.merchant_id and e.posting_id = p.id) x
        group by merchant_id, livemode, account, party_id, currency, biz_date having sum(debit_fen) <> 0 or sum(credit_fen) <> 0`,
    ],
  },
  {
    id: 'I-24.1',
    area: 'ledger',
    severity: 1,
    class: 'S',
    title: { zh: '账本看过的每个资金事件恰有一张凭证', en: 'each event of money that the book has seen has its one posting' },
    remedy: replay,
    names: ['merchant_id', 'event_id'],
    since: 'everything',
    queries: () => [
      sql`select coalesce(e.merchant_id, p.merchant_id) as merchant_id, coalesce(e.id, p.source_id) as event_id, e.type, p.id as posting_id from (
          select e.merchant_id, e.livemode, e.id, e.type from events e join ledger_books b on b.merchant_id = e.merchant_id and b.livemode = e.livemode
          where e.sequence <= b.position and e.type = any (${money_events}::text[])
            -- A refusal moves money only where the refund had been taken on.
            and (e.type <> 'refund.refused' or e.payload::json #>> '{data,accepted_at}' is not null)) e
        full join (select merchant_id, livemode, id, source_id from ledger_postings where source_id like 'evt\\_%') p
          on p.merchant_id = e.merchant_id and p.livemode = e.livemode and p.source_id = e.id
        where e.id is null or p.id is null or p.id <> 'pst_' || substr(e.id, 5)`,
    ],
  },
  {
    id: 'I-24.2',
    area: 'ledger',
    severity: 2,
    class: 'S',
    title: { zh: '凭证号连续，自一起，无缺号', en: 'the numbers of a book begin at one and have no gap' },
    remedy: replay,
    names: ['merchant_id', 'livemode'],
    since: 'everything',
    queries: () => [
      sql`select b.merchant_id, b.livemode, b.last_no, p.postings, p.least, p.most from ledger_books b
        left join (select merchant_id, livemode, count(*) as postings, count(distinct no) as numbers, min(no) as least, max(no) as most from ledger_postings group by 1, 2) p
          on p.merchant_id = b.merchant_id and p.livemode = b.livemode
        where b.last_no <> coalesce(p.most, 0) or p.postings <> p.numbers or p.postings <> p.most or p.least <> 1`,
    ],
  },
  {
    id: 'I-25.1',
    area: 'ledger',
    severity: 1,
    class: 'S',
    title: { zh: '冲正逐行抵销其所指的凭证', en: 'a reversal undoes the posting that it names, line by line' },
    remedy: replay,
    names: ['merchant_id', 'posting_id'],
    since: 'everything',
    queries: () => [
      sql`select r.merchant_id, r.id as posting_id, r.reverses_id from ledger_postings r
        left join ledger_postings o on o.merchant_id = r.merchant_id and o.id = r.reverses_id and o.livemode = r.livemode and o.kind <> 'reversal'
        where r.kind = 'reversal' and o.id is null`,
      sql`select merchant_id, posting_id, line, sum(amount_fen) as apart_fen from (
          select r.merchant_id, r.id as posting_id, e.line, e.account, e.party_id, e.amount_fen from ledger_postings r
            join ledger_entries e on e.merchant_id = r.merchant_id and e.posting_id = r.id where r.kind = 'reversal'
          union all select r.merchant_id, r.id, e.line, e.account, e.party_id, e.amount_fen from ledger_postings r
            join ledger_entries e on e.merchant_id = r.merchant_id and e.posting_id = r.reverses_id where r.kind = 'reversal') x
        group by merchant_id, posting_id, line, account, party_id having sum(amount_fen) <> 0 or count(*) <> 2`,
    ],
  },
  {
    id: 'I-26.1',
    area: 'ledger',
    severity: 1,
    class: 'S',
    title: {
      zh: '没有封闭清单之外的科目：没有可提现的余额，也没有资金池',
      en: 'there is no account outside the closed list, which has none to draw from and none that is pooled',
    },
    remedy: replay,
    names: ['merchant_id', 'account'],
    since: 'everything',
    queries: () => [
      sql`select merchant_id, account, count(*) as entries from ledger_entries where account <> all (${account_names}::text[]) group by 1, 2`,
      sql`select merchant_id, account, count(*) as days from ledger_turnovers where account <> all (${account_names}::text[]) group by 1, 2`,
    ],
  },
  {
    id: 'I-27.1',
    area: 'ledger',
    severity: 1,
    class: 'S',
    title: { zh: '手续费不超过收款，退回的手续费不超过收取的', en: 'a fee is no more than the payment, and no more goes back of it than was taken' },
    remedy: replay,
    names: ['merchant_id', 'attempt_id'],
    since: 'everything',
    queries: () => [
      sql`select merchant_id, attempt_id, sum(case kind when 'payment' then fee_fen else -fee_fen end) as left_fen from ledger_postings
        where kind in ('payment', 'refund') group by merchant_id, attempt_id
        having sum(case kind when 'payment' then fee_fen else -fee_fen end) < 0 or bool_or(fee_fen not between 0 and amount_fen)`,
      // The account says what the postings say.
      sql`select p.merchant_id, p.attempt_id, p.id as posting_id, p.fee_fen, sum(e.amount_fen) as service_fee_fen from ledger_postings p
        left join ledger_entries e on e.merchant_id = p.merchant_id and e.posting_id = p.id and e.account = 'service_fee'
        where p.kind in ('payment', 'refund') group by p.merchant_id, p.id, p.attempt_id, p.kind, p.fee_fen
        having coalesce(sum(e.amount_fen), 0) <> case p.kind when 'payment' then -p.fee_fen else p.fee_fen end`,
    ],
  },
  {
    id: 'I-27.2',
    area: 'ledger',
    severity: 1,
    class: 'S',
    title: {
      zh: '手续费按当时有效的费率再算一遍，分毫不差；随退款退回的也是',
      en: 'fees are those of the price in force at the time, when they are computed a second time; so is what goes back of them with a refund',
    },
    remedy: replay,
    names: ['merchant_id', 'posting_id'],
    since: 'everything',
    queries: () => [feesOff(sql`0::numeric`, sql`=`), feesOff(volume_before, sql`>`), priced_otherwise, returnsOff],
  },
  {
    id: 'I-28.1',
    area: 'ledger',
    severity: 1,
    class: 'S',
    title: { zh: '凭证与其支付尝试、退款的金额和渠道账户一致', en: 'a posting has the amount and the channel account of its attempt or refund' },
    remedy: replay,
    names: ['merchant_id', 'posting_id'],
    since: 'everything',
    queries: () => [
      sql`select p.merchant_id, p.id as posting_id, p.kind, p.amount_fen, a.amount_fen as attempt_fen, a.disposition from ledger_postings p
        left join attempts a on a.merchant_id = p.merchant_id and a.id = p.attempt_id
        left join payments m on m.merchant_id = a.merchant_id and m.id = a.payment_id
        where p.kind in ('payment', 'duplicate', 'late') and ((a.amount_fen, a.channel_account_id, a.payment_id, m.livemode) is distinct from (p.amount_fen, p.channel_account_id, p.payment_id, p.livemode)
          or a.disposition is distinct from case p.kind when 'payment' then 'accepted' else p.kind end)`,
      sql`select p.merchant_id, p.id as posting_id, p.kind, p.amount_fen, r.amount_fen as refund_fen, r.state, r.cause from ledger_postings p
        left join refunds r on r.merchant_id = p.merchant_id and r.id = p.refund_id
        where p.kind in ('refund', 'return') and ((r.amount_fen, r.attempt_id, r.livemode, r.state) is distinct from (p.amount_fen, p.attempt_id, p.livemode, 'succeeded')
          or (r.cause in ('duplicate', 'late')) is distinct from (p.kind = 'return'))`,
      sql`select p.merchant_id, p.id as posting_id, p.kind, p.amount_fen, r.amount_fen as refund_fen from ledger_postings p
        left join refunds r on r.merchant_id = p.merchant_id and r.id = p.refund_id
        where p.kind in ('transit', 'transit_end') and (r.amount_fen, r.attempt_id, r.livemode) is distinct from (p.amount_fen, p.attempt_id, p.livemode)`,
    ],
  },
  {
    id: 'I-28.2',
    area: 'ledger',
    severity: 1,
    class: 'S',
    title: {
      zh: '看完全部事件的账本：每个渠道账户的应收等于收款减退款',
      en: 'in a book that has seen all events, receivable is what was paid less what was refunded, for each channel account',
    },
    remedy: replay,
    names: ['merchant_id', 'channel_account_id'],
    since: 'everything',
    queries: () => [
      sql`select x.merchant_id, x.livemode, x.channel_account_id, sum(x.amount_fen) as apart_fen from (
          select a.merchant_id, m.livemode, a.channel_account_id, a.amount_fen from attempts a
            join payments m on m.merchant_id = a.merchant_id and m.id = a.payment_id where a.state = 'succeeded'
          union all select r.merchant_id, r.livemode, a.channel_account_id, -r.amount_fen from refunds r
            join attempts a on a.merchant_id = r.merchant_id and a.id = r.attempt_id where r.state = 'succeeded'
          union all select p.merchant_id, p.livemode, e.party_id, -e.amount_fen from ledger_postings p
            join ledger_entries e on e.merchant_id = p.merchant_id and e.posting_id = p.id and e.account = 'channel_receivable'
            where p.source_id like 'evt\\_%') x
        join ${caught_up} c on c.merchant_id = x.merchant_id and c.livemode = x.livemode
        group by x.merchant_id, x.livemode, x.channel_account_id having sum(x.amount_fen) <> 0`,
    ],
  },
  {
    id: 'I-28.3',
    area: 'ledger',
    severity: 2,
    class: 'S',
    title: { zh: '可下载的结算单，其文件的字节数与所签的一致', en: 'the files of a statement that is ready are as long as what was signed' },
    remedy: {
      zh: '重新生成该时间段的结算单，并查明是谁改动了文件。',
      en: 'Make the statement of that period anew, and find out who changed the files.',
    },
    names: ['merchant_id', 'statement_id'],
    since: 'everything',
    queries: () => [
      sql`select f.merchant_id, f.statement_id, f.format, f.bytes, c.bytes as found from (
          select merchant_id, statement_id, run, file ->> 'format' as format, (file ->> 'bytes')::bigint as bytes
          from (select merchant_id, id as statement_id, run, jsonb_array_elements(files) as file from statements where state = 'ready') x) f
        left join (select merchant_id, statement_id, run, format, sum(length(bytes)) as bytes from statement_chunks group by 1, 2, 3, 4) c
          on c.merchant_id = f.merchant_id and c.statement_id = f.statement_id and c.run = f.run and c.format = f.format
        where f.bytes <> coalesce(c.bytes, 0)`,
    ],
  },
  {
    id: 'I-28.6',
    area: 'ledger',
    severity: 1,
    class: 'S',
    title: {
      zh: '看完全部事件的账本：每个渠道账户的在途退款等于渠道已受理而未了结的退款',
      en: 'in a book that has seen all events, what is in transit is what the channel has taken on and not ended, for each channel account',
    },
    remedy: replay,
    names: ['merchant_id', 'channel_account_id'],
    since: 'everything',
    queries: () => [
      sql`select x.merchant_id, x.livemode, x.channel_account_id, sum(x.amount_fen) as apart_fen from (
          select r.merchant_id, r.livemode, a.channel_account_id, -r.amount_fen as amount_fen from refunds r
            join attempts a on a.merchant_id = r.merchant_id and a.id = r.attempt_id where r.state = 'pending' and r.accepted_at is not null
          union all select p.merchant_id, p.livemode, e.party_id, -e.amount_fen from ledger_postings p
            join ledger_entries e on e.merchant_id = p.merchant_id and e.posting_id = p.id and e.account = 'refund_in_transit'
            where p.source_id like 'evt\\_%') x
        join ${caught_up} c on c.merchant_id = x.merchant_id and c.livemode = x.livemode
        group by x.merchant_id, x.livemode, x.channel_account_id having sum(x.amount_fen) <> 0`,
    ],
  },
];
