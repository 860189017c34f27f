-- Owner: recon. What needs a person today, over all merchants: read from what is open alone, however much was closed over the years.
create index recon_exceptions_open on recon_exceptions (merchant_id, livemode, kind) include (at_risk_fen, opened_at, reopened_at) where closed_at is null;
create index bill_days_unclosed on bill_days (merchant_id, livemode, biz_date) include (state, matched_at, tries, next_fetch_at) where kind = 'trade' and closed_at is null;
create index bill_days_missing on bill_days (merchant_id, livemode, biz_date) include (tries, next_fetch_at) where state = 'wanted';
