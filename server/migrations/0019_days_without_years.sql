-- A day is weighed without its years: what was posted on another day than it happened on is found by the day it happened on.

-- Owner: ledger. Facts of days that were closed when they became known; few.
create index ledger_postings_late on ledger_postings (merchant_id, livemode, fact_date) where biz_date <> fact_date;
