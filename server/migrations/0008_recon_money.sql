-- Every column of money has its check. What a bill counts for the merchant is never negative: a refund says so by its direction.
-- Owner: recon.
alter table bill_lines add constraint bill_lines_settled_fen_check check (settled_fen >= 0);
