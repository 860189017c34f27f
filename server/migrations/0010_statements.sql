-- Statements: what a period brought a merchant, with lines, as files that are made once and signed. They are made from the
-- postings of the ledger up to a number, so a posting that comes later changes no statement.

-- Owner: settlement. 结算单.
create table statements (
  merchant_id text collate "C" not null references merchants (id),
  id text collate "C" not null,
  livemode boolean not null,
  period_from date not null,
  period_through date not null check (period_through >= period_from),
  store_id text collate "C",
  state text not null default 'preparing' check (state in ('preparing', 'ready')),
  -- When a worker makes it; pushed on while one is at work.
  next_make_at timestamptz,
  make_tries integer not null default 0,
  -- The try whose chunks are the files.
  run text collate "C",
  lines bigint,
  totals jsonb,
  files jsonb not null default '[]',
  -- The bytes that are signed.
  manifest text,
  signature bytea,
  signing_key_id text collate "C",
  created_at timestamptz not null,
  ready_at timestamptz,
  primary key (merchant_id, id),
  constraint statements_ready check ((state = 'ready') = (signature is not null) and (state = 'ready') = (ready_at is not null) and (state = 'ready') = (next_make_at is null))
);
create index statements_due on statements (next_make_at) where next_make_at is not null;

-- Owner: settlement. The files of a statement in pieces: a million lines never lie in memory. PostgreSQL compresses them.
create table statement_chunks (
  merchant_id text collate "C" not null,
  statement_id text collate "C" not null,
  run text collate "C" not null,
  format text not null check (format in ('csv', 'xlsx')),
  nth integer not null check (nth >= 0),
  bytes bytea not null,
  primary key (merchant_id, statement_id, run, format, nth),
  foreign key (merchant_id, statement_id) references statements (merchant_id, id)
);

-- Owner: settlement. The key that signs a merchant's statements; the public half is given out with each of them.
create table statement_keys (
  merchant_id text collate "C" not null references merchants (id),
  id text collate "C" not null,
  public_key bytea not null,
  private_key_sealed bytea not null,
  created_at timestamptz not null,
  primary key (merchant_id)
);

-- Owner: settlement. When a channel account pays, as its contract says.
create table settlement_terms (
  merchant_id text collate "C" not null,
  channel_account_id text collate "C" not null,
  days integer not null check (days between 0 and 60),
  counts text not null check (counts in ('calendar', 'business')),
  confirmed boolean not null,
  primary key (merchant_id, channel_account_id),
  foreign key (merchant_id, channel_account_id) references channel_accounts (merchant_id, id)
);

-- Owner: settlement. Days that are worked or not against their weekday, as far as the installation knows better than its
-- built-in calendar.
create table calendar_days (
  date date primary key,
  working boolean not null,
  confirmed boolean not null
);
