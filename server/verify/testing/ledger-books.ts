import { sql } from 'kysely';

/**
 * What the ledger makes of the payments in `b`, whose events are in `v`: at a price of 0.6 %, refunds taking their part of
 * it along.
 */
const facts = (kind: string, event: string, prefix: 'pay' | 'ref', at: string, where: string, attempt = 'att') =>
  sql.raw(`
  select mer, n, account, '${kind}' as kind, '${event}' as type, '${prefix}_' || ${prefix} as object_id, ${at} as at, 'pay_' || pay as pay, 'att_' || ${attempt} as att,
    ${prefix === 'ref' ? "'ref_' || ref" : 'null'} as ref, case when kind = 'refunded' and '${prefix}' = 'ref' then fen / 2 else fen end as amount, fen
  from b where kind in (${where})`);

export const ledger_rows = [
  sql`create temporary table lp on commit drop as
    select x.*, v.id as event, 'pst_' || substr(v.id, 5) as id, (x.at at time zone 'Asia/Shanghai')::date as day, t.store_id,
      case when x.kind in ('payment', 'refund') then div(x.fen * 6000 + 500000, 1000000)::bigint else 0 end as taken,
      row_number() over (partition by x.mer order by x.at, v.id) as no
    from (
      ${facts('payment', 'payment.paid', 'pay', 't2', "'paid', 'refunded', 'refund_refused', 'duplicate'")}
      union all ${facts('payment', 'payment.paid', 'pay', 't2', "'second_try'", 'att2')}
      union all ${facts('duplicate', 'payment.duplicate_received', 'pay', 't3', "'duplicate'", 'att2')}
      union all ${facts('late', 'payment.late_received', 'pay', 't4', "'late'")}
      union all ${facts('refund', 'refund.succeeded', 'ref', "t4 + interval '1 second'", "'refunded'")}
      union all ${facts('return', 'refund.succeeded', 'ref', "t4 + interval '1 second'", "'late'")}
      union all ${facts('return', 'refund.succeeded', 'ref', "t4 + interval '1 second'", "'duplicate'", 'att2')}
    ) x join v on v.mer = x.mer and v.type = x.type and v.object_id = x.object_id
    left join (select merchant_id, id, store_id from payments) t on t.merchant_id = x.mer and t.id = x.pay`,
  sql`create temporary table lf on commit drop as select lp.*, case when kind = 'refund' then div(taken * amount * 2 + fen, fen * 2)::bigint else taken end as fee from lp`,
  sql`insert into prices (merchant_id, id, livemode, terms, effective_from, created_at)
    select id, 'prc_' || substr(id, 5), true, '{"rounding":"half_up","refund":"returned","tiers":[{"from_fen":0,"rate_ppm":6000,"per_item_fen":0,"min_fen":0,"max_fen":null}]}',
      created_at, created_at from merchants where id in (select mer from b)`,
  sql`insert into ledger_books (merchant_id, livemode, position, last_no) select s.merchant_id, true, s.last, coalesce(p.no, 0) from event_sequences s
    left join (select mer, max(no) as no from lp group by mer) p on p.mer = s.merchant_id`,
  sql`insert into ledger_postings (merchant_id, id, livemode, no, kind, source_id, currency, amount_fen, fee_fen, payment_id, attempt_id, refund_id, store_id,
      channel_account_id, channel, method, fact_at, fact_date, biz_date, detail)
    select mer, id, true, no, kind, event, 'CNY', amount, fee, pay, att, ref, store_id, account, 'wechatpay', 'wechat_qr', at, day, day,
      case kind when 'payment' then jsonb_build_object('price_id', 'prc_' || substr(mer, 5), 'rounding', 'half_up', 'refund_fee', 'returned') else '{}' end from lf`,
  sql`insert into ledger_entries (merchant_id, posting_id, line, account, party_id, currency, amount_fen)
    select mer, id, e.line, e.name, account, 'CNY', e.amount from lf cross join lateral (values
      (1, 'channel_receivable', case when kind in ('refund', 'return') then -amount else amount end),
      (2, case when kind in ('payment', 'refund') then 'merchant_due' else 'suspense' end, case when kind in ('refund', 'return') then amount - fee else fee - amount end),
      (3, 'service_fee', case when kind = 'refund' then fee else -fee end)) as e (line, name, amount) where e.amount <> 0`,
  sql`insert into ledger_turnovers (merchant_id, livemode, account, party_id, currency, biz_date, debit_fen, credit_fen)
    select p.merchant_id, true, e.account, e.party_id, 'CNY', p.biz_date, sum(greatest(e.amount_fen, 0)), sum(greatest(-e.amount_fen, 0))
    from ledger_postings p join ledger_entries e on e.merchant_id = p.merchant_id and e.posting_id = p.id group by 1, 2, 3, 4, 5, 6`,
  sql`insert into statement_keys (merchant_id, id, public_key, private_key_sealed, created_at)
    select m.id, 'stk_' || substr(m.id, 5), '\\x00', pg_temp.sealed(m.key, 'stk' || m.n), (select min(t0) from b) from m where m.id in (select mer from b)`,
  sql`insert into agent_statement_keys (agent_id, id, public_key, private_key_sealed, created_at)
    select mer.agent_id, 'stk_' || substr(m.id, 5), '\\x00', pg_temp.sealed(m.key, 'agent stk' || m.n), mer.created_at from m join merchants mer on mer.id = m.id`,
  sql`insert into settlement_terms (merchant_id, channel_account_id, days, counts, confirmed) select m.id, m.account, 1, 'business', true from m where m.id in (select mer from b)`,
  sql`insert into statements (merchant_id, id, livemode, period_from, period_through, store_id, state, run, lines, totals, files, manifest, signature, signing_key_id, created_at, ready_at)
    select m.id, 'stm_' || substr(m.id, 5), true, '2026-01-01', '2026-01-31', (select min(id) from stores where merchant_id = m.id), 'ready', 'run', 1, '{}',
      '[{"format":"csv","bytes":3,"sha256":""},{"format":"xlsx","bytes":0,"sha256":""}]', '{}', '\\x00', 'stk_' || substr(m.id, 5), (select min(t0) from b), (select min(t0) from b)
    from m where m.id in (select mer from b)`,
  sql`insert into statement_chunks (merchant_id, statement_id, run, format, nth, bytes) select merchant_id, id, 'run', 'csv', 0, 'abc' from statements`,
];
