import { sql } from 'kysely';

/** A bill of each merchant that says what its books say, and one exception that was accepted. `m` are the merchants. */
export const recon_rows = [
  sql`create temporary table rb on commit drop as select m.*, merchants.created_at as t, 'bil_' || pg_temp.ulid(merchants.created_at, 'bil' || n) as bill,
      'exc_' || pg_temp.ulid(merchants.created_at, 'exc' || n) as exc, 'sig_' || pg_temp.ulid(merchants.created_at, 'sig' || n) as sig, sha256(convert_to('bill' || n, 'UTF8')) as hash
    from m join merchants on merchants.id = m.id`,
  sql`create temporary table rl on commit drop as select rb.id as mer, rb.bill, a.id as object_id, a.amount_fen, a.channel_transaction_id, a.paid_at,
      row_number() over (partition by rb.id order by a.id)::integer as line
    from rb join attempts a on a.merchant_id = rb.id where a.state = 'succeeded'`,
  sql`insert into bills (merchant_id, id, livemode, channel, channel_account_id, kind, biz_date, version, source, state, sha256, bytes, lines, payment_count, payment_fen, refund_count, refund_fen,
      fee_millifen, imported_by, created_at)
    select rb.id, rb.bill, true, 'wechatpay', account, 'trade', '2026-01-01', 1, 'download', 'current', hash, 100, s.lines, s.lines, s.fen, 0, 0, 0, 'heliu', t
    from rb join (select mer, count(*)::integer as lines, sum(amount_fen) as fen from rl group by mer) s on s.mer = rb.id`,
  sql`insert into bill_days (merchant_id, channel_account_id, kind, biz_date, livemode, channel, state, bill_id, matched_at, created_at)
    select id, account, 'trade', '2026-01-01', true, 'wechatpay', 'imported', bill, t, t from rb`,
  sql`insert into bill_horizons (merchant_id, channel_account_id, kind, opened_through) select id, account, 'trade', '2026-01-01' from rb`,
  sql`insert into bill_files (merchant_id, sha256, piece, sealed, created_at) select id, hash, 0, pg_temp.sealed(key, 'bill/' || n), t from rb`,
  sql`insert into bill_lines (merchant_id, bill_id, line, kind, direction, state, object_id, channel_transaction_id, amount_fen, settled_fen, fee_millifen, currency, receiver, at)
    select mer, bill, line, 'payment', 'in', 'succeeded', object_id, channel_transaction_id, amount_fen, amount_fen, 0, 'CNY', '1', paid_at from rl`,
  sql`insert into recon_matches (merchant_id, object_id, channel_account_id, bill_id, line, key)
    select mer, object_id, rb.account, rl.bill, line, 'order_no' from rl join rb on rb.id = rl.mer`,
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
