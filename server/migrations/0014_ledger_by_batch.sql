-- What guards the ledger's entries, at a cost that does not grow with the book.

-- Owner: ledger. Entries are only added, and a posting that sums to zero still does so exactly when what is added to it sums to zero
-- by itself: the new rows say all that there is to ask, and the entries before them need not be read. Until here the new rows were
-- joined with the table, which the planner did by walking all entries of the merchant: 2,000 postings took 60 ms in a book of
-- 50,000 entries and twice that in one of 100,000. Whether the posting is there is one look-up by key for each.
create or replace function ledger_check_zero() returns trigger language plpgsql as $$
begin
  if exists (select 1 from added group by merchant_id, posting_id, currency having sum(amount_fen) <> 0) then
    raise exception 'a posting does not sum to zero' using errcode = 'check_violation', constraint = 'ledger_entries_sum_to_zero';
  end if;
  if exists (
    select 1 from (select distinct merchant_id, posting_id from added) a
    left join lateral (select true as is_there from ledger_postings p where p.merchant_id = a.merchant_id and p.id = a.posting_id limit 1) p on true
    where p.is_there is null
  ) then
    raise exception 'an entry has no posting' using errcode = 'foreign_key_violation', constraint = 'ledger_entries_of_posting';
  end if;
  return null;
end $$;
