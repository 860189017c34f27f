-- Owner: recon. Amounts are checked by the database: what came into a closed day later may also be less than nothing, but no more than a day can have.
alter table bill_days add constraint bill_days_later_payments check (later_payments_fen >= -1000000000000000 and later_payments_fen <= 1000000000000000);
alter table bill_days add constraint bill_days_later_refunds check (later_refunds_fen >= -1000000000000000 and later_refunds_fen <= 1000000000000000);
