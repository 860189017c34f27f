-- The ledger: double entry in fen, made from events after they are committed, so that no payment waits for it. It remembers
-- what channels and merchants owe each other and holds no money: the closed list of accounts below has none that anyone could
-- draw from. Rows are only added. Every merchant and mode has a book of its own, and a book is written by one at a time.

-- Owner: ledger. How far a merchant's events are in its book. Its lock is the turn to write the book.
create table ledger_books (
  merchant_id text collate "C" not null,
  livemode boolean not null,
  -- The sequence of the last event that was looked at.
  position bigint not null default 0 check (position >= 0),
  -- The number of the last posting: 凭证号, without gaps.
  last_no bigint not null default 0 check (last_no >= 0),
  -- Nothing is posted on this day or before it any more.
  closed_through date,
  primary key (merchant_id, livemode)
) with (fillfactor = 50);

-- Owner: ledger. 凭证: one for each fact. The id has the ULID of what it was made from, so a fact has one posting.
create table ledger_postings (
  merchant_id text collate "C" not null,
  id text collate "C" not null check (id ~ '^pst_[0-9A-HJKMNP-TV-Z]{26}$'),
  livemode boolean not null,
  no bigint not null check (no >= 1),
  kind text not null check (kind in ('payment', 'duplicate', 'late', 'refund', 'return', 'channel_fee', 'settlement', 'suspense', 'commission', 'reversal')),
  -- The event, bill line or other object that it was made from.
  source_id text collate "C" not null,
  -- The posting that a reversal undoes.
  reverses_id text collate "C",
  currency text not null check (currency = 'CNY'),
  -- What the fact is about, before fees.
  amount_fen bigint not null check (amount_fen between 1 and 1000000000000000),
  -- By the merchant's price: taken with a payment, returned with a refund.
  fee_fen bigint not null default 0 check (fee_fen >= 0),
  payment_id text collate "C",
  attempt_id text collate "C",
  refund_id text collate "C",
  -- Where it was taken.
  store_id text collate "C",
  channel_account_id text collate "C" not null,
  channel text not null,
  method text not null,
  -- When it happened, and that day in Asia/Shanghai.
  fact_at timestamptz not null,
  fact_date date not null,
  -- The day on which it counts: its own, or the first open one when that was closed.
  biz_date date not null check (biz_date >= fact_date),
  -- The price that was applied, and the numbers that a statement shows.
  detail jsonb not null,
  primary key (merchant_id, id),
  constraint ledger_postings_fee_within check (fee_fen <= amount_fen),
  constraint ledger_postings_reversal check ((kind = 'reversal') = (reverses_id is not null))
);
-- Statements read a book day by day in the order of its numbers.
create unique index ledger_postings_no on ledger_postings (merchant_id, livemode, biz_date, no);
-- A store's statement reads its own.
create index ledger_postings_store on ledger_postings (merchant_id, store_id, biz_date, no) where store_id is not null;
-- A refund looks for what was taken.
create index ledger_postings_attempt on ledger_postings (merchant_id, attempt_id) where attempt_id is not null;
create unique index ledger_postings_reversed_once on ledger_postings (merchant_id, reverses_id) where reverses_id is not null;

-- Owner: ledger. 分录: debit above zero, credit below. An account is its kind and whose it is.
create table ledger_entries (
  merchant_id text collate "C" not null,
  posting_id text collate "C" not null,
  line smallint not null check (line between 1 and 16),
  account text not null check (account in ('channel_receivable', 'merchant_due', 'channel_fee', 'service_fee', 'agent_commission', 'refund_in_transit', 'suspense')),
  -- The channel account, or the agent of a commission.
  party_id text collate "C" not null,
  currency text not null check (currency = 'CNY'),
  amount_fen bigint not null check (amount_fen <> 0 and amount_fen >= -1000000000000000 and amount_fen <= 1000000000000000),
  primary key (merchant_id, posting_id, line),
  foreign key (merchant_id, posting_id) references ledger_postings (merchant_id, id)
);

-- Owner: ledger. What moved on an account on a day, added up once for each batch: a balance is the sum of its days, and an
-- account that every posting touches is written once for thousands of them.
create table ledger_turnovers (
  merchant_id text collate "C" not null,
  livemode boolean not null,
  account text not null,
  party_id text collate "C" not null,
  currency text not null,
  biz_date date not null,
  debit_fen bigint not null check (debit_fen >= 0),
  credit_fen bigint not null check (credit_fen >= 0),
  primary key (merchant_id, livemode, account, party_id, currency, biz_date)
) with (fillfactor = 50);

-- Owner: ledger. Every close of a book, and where its events stood: a replay closes at the same place.
create table ledger_closes (
  merchant_id text collate "C" not null,
  livemode boolean not null,
  closed_through date not null,
  position bigint not null,
  last_no bigint not null,
  closed_at timestamptz not null,
  primary key (merchant_id, livemode, closed_through)
);

-- The last guard, whatever wrote the rows. Entries of a posting may come in any order; at commit they sum to zero.
create function ledger_check_zero() returns trigger language plpgsql as $$
begin
  if exists (select 1 from ledger_entries where merchant_id = new.merchant_id and posting_id = new.posting_id group by currency having sum(amount_fen) <> 0) then
    raise exception 'posting % does not sum to zero', new.posting_id using errcode = 'check_violation', constraint = 'ledger_entries_sum_to_zero';
  end if;
  return null;
end $$;
create constraint trigger ledger_entries_sum_to_zero after insert on ledger_entries
  deferrable initially deferred for each row execute function ledger_check_zero();

create function ledger_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is only added to: post a reversal', tg_table_name using errcode = 'check_violation', constraint = 'ledger_only_added';
end $$;
create trigger ledger_postings_only_added before update or delete or truncate on ledger_postings for each statement execute function ledger_refuse_change();
create trigger ledger_entries_only_added before update or delete or truncate on ledger_entries for each statement execute function ledger_refuse_change();

create function ledger_refuse_closed() returns trigger language plpgsql as $$
begin
  if exists (select 1 from added a join ledger_books b on b.merchant_id = a.merchant_id and b.livemode = a.livemode where a.biz_date <= b.closed_through) then
    raise exception 'the day is closed' using errcode = 'check_violation', constraint = 'ledger_day_closed';
  end if;
  return null;
end $$;
create trigger ledger_postings_day_open after insert on ledger_postings referencing new table as added for each statement execute function ledger_refuse_closed();

alter table ledger_postings alter column merchant_id set (n_distinct = 100);
alter table ledger_entries alter column merchant_id set (n_distinct = 100);

-- Owner: pricing. 费率: what a merchant pays for its payments. A price holds from its time on until a later one for the same
-- payments does; a price that has begun never changes, so the fee of a payment can be worked out again at any time.
create table prices (
  merchant_id text collate "C" not null references merchants (id),
  id text collate "C" not null,
  livemode boolean not null,
  -- For payments of this channel, or of this method, or both; null for all.
  channel text,
  method text,
  -- As kernel/price.ts has it, amounts in fen.
  terms jsonb not null,
  effective_from timestamptz not null,
  created_at timestamptz not null,
  primary key (merchant_id, id),
  constraint prices_one_at_a_time unique nulls not distinct (merchant_id, livemode, channel, method, effective_from)
);

-- Owner: pricing. What was charged by a price in a calendar month so far: decides the tier of the next payment.
create table price_volumes (
  merchant_id text collate "C" not null,
  price_id text collate "C" not null,
  month text not null check (month ~ '^\d{4}-\d{2}$'),
  volume_fen bigint not null check (volume_fen >= 0),
  primary key (merchant_id, price_id, month)
) with (fillfactor = 50);
