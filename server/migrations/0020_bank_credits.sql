-- What banks say that channels paid, and which days of bills add up to it. Money went from the channel to the merchant's own bank
-- account; these rows remember what its statement says.

-- Owner: bank. Channel accounts whose credits are followed.
create table bank_accounts (
  merchant_id text collate "C" not null,
  channel_account_id text collate "C" not null,
  livemode boolean not null,
  channel text not null,
  -- The first day of bills that is held against credits.
  since date not null,
  -- The statements that were taken in reach to the end of this day.
  covered_through date,
  -- The row is also the queue of looking for what is missing.
  next_look_at timestamptz not null,
  primary key (merchant_id, channel_account_id),
  foreign key (merchant_id, channel_account_id) references channel_accounts (merchant_id, id)
);
create index bank_accounts_due on bank_accounts (next_look_at);

-- Owner: bank. 到账: one credit of a bank statement. Rows are only added; its posting has its ULID, so it is posted once.
create table bank_credits (
  merchant_id text collate "C" not null,
  id text collate "C" not null,
  livemode boolean not null,
  channel text not null,
  channel_account_id text collate "C" not null,
  -- The bank's own number of the movement.
  reference text collate "C" not null,
  received_on date not null,
  amount_fen bigint not null check (amount_fen between 1 and 1000000000000000),
  payer text,
  imported_by text not null,
  created_at timestamptz not null,
  -- The first credit of those that together are what some days come to; null until that is found.
  match_id text collate "C",
  primary key (merchant_id, id),
  constraint bank_credits_once unique (merchant_id, channel_account_id, reference)
);
create index bank_credits_open on bank_credits (merchant_id, channel_account_id, received_on) where match_id is null;
create index bank_credits_match on bank_credits (merchant_id, match_id) where match_id is not null;

-- Owner: bank. What a day of bills comes to after refunds and the channel's fee, by the bill that is the day's.
create table bank_days (
  merchant_id text collate "C" not null,
  channel_account_id text collate "C" not null,
  biz_date date not null,
  bill_id text collate "C",
  -- Below zero where more was refunded than paid: the channel takes it from a later day.
  net_fen bigint not null check (net_fen between -1000000000000000 and 1000000000000000),
  match_id text collate "C",
  primary key (merchant_id, channel_account_id, biz_date)
);
create index bank_days_open on bank_days (merchant_id, channel_account_id, biz_date) where match_id is null;
create index bank_days_match on bank_days (merchant_id, match_id) where match_id is not null;
