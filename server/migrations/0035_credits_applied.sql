-- A credit of a bank is in the book while it is about something: what no bill explains has paid for nothing.

-- Owner: bank. The posting that says what the credit has paid; none while no bill explains it, and none once its import is taken back.
alter table bank_credits add column posting_id text collate "C";
update bank_credits c set posting_id = p.id from ledger_postings p
  where p.merchant_id = c.merchant_id and p.id = 'pst_' || substr(c.id, 5) and c.undone_at is null
    and not exists (select 1 from ledger_postings r where r.merchant_id = p.merchant_id and r.reverses_id = p.id);
-- What stands unexplained is taken out of the book by the next look at its account, which is now.
update bank_accounts set next_look_at = since;
