-- Owner: ledger. Whether an entry's posting is there is one look-up by key, whatever the planner believes of the table. It was asked as
-- equality on the key, which every index that begins with the merchant can answer, and where a book was young the planner took another
-- one and walked through all postings of the merchant for each: 250 postings took half a second in a book of 15,000 (2026-11-23,
-- PostgreSQL 18). The next key in order is asked for instead, which only the key's own index has at hand.
create or replace function ledger_check_zero() returns trigger language plpgsql as $$
declare
  uneven boolean;
  lost boolean;
begin
  select coalesce(bool_or(a.sum_fen <> 0), false), coalesce(bool_or(p.id is distinct from a.posting_id or p.merchant_id <> a.merchant_id), false) into uneven, lost
  from (select merchant_id, posting_id, currency, sum(amount_fen) as sum_fen from added group by merchant_id, posting_id, currency) a
  left join lateral (
    select p.merchant_id, p.id from ledger_postings p where (p.merchant_id, p.id) >= (a.merchant_id, a.posting_id) order by p.merchant_id, p.id limit 1
  ) p on true;
  if uneven then
    raise exception 'a posting does not sum to zero' using errcode = 'check_violation', constraint = 'ledger_entries_sum_to_zero';
  end if;
  if lost then
    raise exception 'an entry has no posting' using errcode = 'foreign_key_violation', constraint = 'ledger_entries_of_posting';
  end if;
  return null;
end $$;
