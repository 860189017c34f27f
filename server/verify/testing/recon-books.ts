import { sql } from 'kysely';

/** A bill of each merchant that says what its books say, and one exception that was accepted. `m` are the merchants. */
export const recon_rows = [
  sql`create temporary table rb on commit drop as select m.*, merchants.created_at as t, 'bil_' || pg_temp.ulid(merchants.created_at, 'bil' || n) as bill,
      'exc_' || pg_temp.ulid(merchants.created_at, 'exc' || n) as exc, 'sig_' || pg_temp.ulid(merchants.created_at, 'sig' || n) as sig, sha256(convert_to('bill' || n, 'UTF8')) as hash
    from m join merchants on merchants.id = m.id`,
  sql`create temporary table rl on commit drop as select rb.id as mer, rb.bill, x.object_id, x.kind, x.amount_fen, x.channel_transaction_id, x.paid_at,
      row_number() over (partition by rb.id order by x.object_id)::integer as line
    from rb join (
      select merchant_id, id as object_id, 'payment' as kind, amount_fen, channel_transaction_id, paid_at from attempts where state = 'succeeded'
      union all select merchant_id, id, 'refund', amount_fen, null, created_at from refunds where state = 'succeeded') x on x.merchant_id = rb.id`,
  sql`insert into bills (merchant_id, id, livemode, channel, channel_account_id, kind, biz_date, version, source, state, sha256, bytes, lines, payment_count, payment_fen, refund_count, refund_fen,
      fee_millifen, imported_by, created_at)
    select rb.id, rb.bill, true, 'wechatpay', account, 'trade', '2026-01-01', 1, 'download', 'current', hash, 100, s.lines, s.payments, s.paid_fen, s.lines - s.payments, s.refunded_fen, 0, 'heliu', t
    from rb join (select mer, count(*)::integer as lines, count(*) filter (where kind = 'payment')::integer as payments, coalesce(sum(amount_fen) filter (where kind = 'payment'), 0) as paid_fen,
      coalesce(sum(amount_fen) filter (where kind = 'refund'), 0) as refunded_fen from rl group by mer) s on s.mer = rb.id`,
  sql`insert into bill_days (merchant_id, channel_account_id, kind, biz_date, livemode, channel, state, bill_id, matched_at, created_at)
    select id, account, 'trade', '2026-01-01', true, 'wechatpay', 'imported', bill, t, t from rb`,
  // The days on which all of it happened, matched a day later. Their bills were empty: one bill stands for all days.
  sql`insert into bill_days (merchant_id, channel_account_id, kind, biz_date, livemode, channel, state, matched_at, created_at)
    select distinct on (rb.id, day) rb.id, rb.account, 'trade', day, true, 'wechatpay', 'empty', (day + 2)::timestamp at time zone 'Asia/Shanghai', t
    from rb join rl on rl.mer = rb.id cross join lateral (select (rl.paid_at at time zone 'Asia/Shanghai')::date as day) d where day <> '2026-01-01'`,
  sql`insert into bill_horizons (merchant_id, channel_account_id, kind, opened_through) select id, account, 'trade', '2026-01-01' from rb`,
  sql`insert into bill_files (merchant_id, sha256, piece, sealed, created_at) select id, hash, 0, pg_temp.sealed(key, 'bill/' || n), t from rb`,
  sql`insert into bill_lines (merchant_id, bill_id, line, kind, direction, state, object_id, channel_transaction_id, amount_fen, settled_fen, fee_millifen, currency, receiver, at)
    select mer, bill, line, kind, case kind when 'payment' then 'in' else 'out' end, 'succeeded', object_id, channel_transaction_id, amount_fen, amount_fen, 0, 'CNY', '1', paid_at from rl`,
  sql`insert into recon_matches (merchant_id, object_id, channel_account_id, bill_id, line, key)
    select mer, object_id, rb.account, rl.bill, line, case kind when 'payment' then 'order_no' else 'refund_no' end from rl join rb on rb.id = rl.mer`,
  sql`insert into recon_exceptions (merchant_id, id, livemode, channel, channel_account_id, biz_date, kind, fingerprint, state, "of", at_risk_fen, proposal, resolution, opened_at, closed_at, version)
    select id, exc, true, 'wechatpay', account, '2026-01-01', 'missing_bill', 'missing_bill|' || account, 'closed', 'other', 0, 'fetch_bill', 'gone', t, t, 2 from rb`,
  sql`insert into recon_exception_steps (merchant_id, exception_id, version, step, from_state, to_state, by, at)
    select id, exc, 1, 'open', null, 'opened', 'heliu', t from rb union all select id, exc, 2, 'settle', 'opened', 'closed', 'heliu', t from rb`,
  sql`insert into bill_adjustments (merchant_id, bill_id, line, columns) select id, bill, 1, '["E74"]' from rb`,
  sql`insert into recon_exceptions (merchant_id, id, livemode, channel, channel_account_id, biz_date, kind, fingerprint, state, bill_id, "of", at_risk_fen, detail, proposal, opened_at, version)
    select id, 'exc_' || repeat('7', 26), true, 'wechatpay', account, '2026-01-01', 'adjustment', 'adjustment|' || account, 'opened', bill, 'other', 0, '{"adjustment_line":"1"}', 'none', t, 1 from rb`,
  sql`insert into recon_exception_steps (merchant_id, exception_id, version, step, from_state, to_state, by, at)
    select id, 'exc_' || repeat('7', 26), 1, 'open', null, 'opened', 'heliu', t from rb`,
  sql`insert into bank_accounts (merchant_id, channel_account_id, livemode, channel, since, next_look_at) select id, account, true, 'wechatpay', '2026-01-01', t from rb`,
  sql`insert into bank_imports (merchant_id, id, livemode, channel_account_id, imported_by, created_at) select id, 'bim_' || repeat('7', 26), true, account, 'finance', t from rb`,
  sql`insert into recon_settings (merchant_id, channel_account_id, fee_rate_ppm, updated_at) select id, account, 6000, t from rb`,
  sql`insert into recon_signing_keys (merchant_id, id, public_key, private_key_sealed, created_at) select id, sig, 'key', pg_temp.sealed(key, 'sig/' || n), t from rb`,
  sql`insert into recon_day_closes (merchant_id, channel_account_id, biz_date, version, statement, signature, signing_key_id, closed_by, closed_at)
    select id, account, '2026-01-01', 1, '{}', '\\x00', sig, 'ann', t from rb`,
  sql`insert into daily_closes (merchant_id, livemode, biz_date, statement, signature, signing_key_id, closed_by, closed_at) select id, true, '2026-01-01', '{}', '\\x00', sig, 'ann', t from rb`,
];
