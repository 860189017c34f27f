-- Bills of channels, what they were matched with, what did not match, and the days that were closed. Everything here is
-- derived from bills and payments except what people decided, so a day can be matched again at any time.

-- Owner: recon. 账单日: a day of a channel account whose bill is wanted. The row is also the queue of downloads.
create table bill_days (
  merchant_id text collate "C" not null,
  channel_account_id text collate "C" not null,
  kind text not null check (kind in ('trade', 'fund')),
  biz_date date not null,
  livemode boolean not null,
  channel text not null,
  -- `empty`: the channel says that there is none.
  state text not null default 'wanted' check (state in ('wanted', 'imported', 'empty')),
  bill_id text collate "C",
  -- Why the last look brought nothing.
  problem text,
  tries integer not null default 0,
  next_fetch_at timestamptz,
  -- What was matched last: the same inputs are not matched twice.
  matched_at timestamptz,
  closed_at timestamptz,
  -- The equation of the closed day, its signature (Ed25519) and the key that it can be checked with.
  statement jsonb,
  signature bytea,
  signing_key_id text collate "C",
  closed_by text,
  created_at timestamptz not null,
  primary key (merchant_id, channel_account_id, kind, biz_date),
  foreign key (merchant_id, channel_account_id) references channel_accounts (merchant_id, id),
  constraint bill_days_wanted check (state <> 'wanted' or next_fetch_at is not null),
  constraint bill_days_imported check ((state = 'imported') = (bill_id is not null)),
  constraint bill_days_closed check ((closed_at is null) = (signature is null) and (closed_at is null) = (statement is null))
);
create index bill_days_due on bill_days (next_fetch_at) where next_fetch_at is not null;

-- Owner: recon. 账单: one file of a day as it came; a re-issued one is the next version.
create table bills (
  merchant_id text collate "C" not null,
  id text collate "C" not null,
  livemode boolean not null,
  channel text not null,
  channel_account_id text collate "C" not null,
  kind text not null check (kind in ('trade', 'fund')),
  biz_date date not null,
  version integer not null check (version >= 1),
  source text not null check (source in ('download', 'upload')),
  -- `reading`: its lines are being written and are nobody's yet.
  state text not null check (state in ('reading', 'current', 'superseded', 'refused')),
  sha256 bytea not null,
  bytes bigint not null check (bytes > 0),
  lines integer,
  payment_count integer,
  payment_fen bigint check (payment_fen >= 0),
  refund_count integer,
  refund_fen bigint check (refund_fen >= 0),
  fee_millifen bigint,
  problem text,
  problem_line integer,
  imported_by text not null,
  created_at timestamptz not null,
  primary key (merchant_id, id),
  foreign key (merchant_id, channel_account_id) references channel_accounts (merchant_id, id),
  constraint bills_version unique (merchant_id, channel_account_id, kind, biz_date, version),
  constraint bills_content unique (merchant_id, channel_account_id, kind, biz_date, sha256),
  constraint bills_totals check ((state in ('current', 'superseded')) = (lines is not null)),
  constraint bills_refused check ((state = 'refused') = (problem is not null))
);
create unique index bills_current on bills (merchant_id, channel_account_id, kind, biz_date) where state = 'current';

-- Owner: recon. The original bytes by their hash, in sealed pieces.
create table bill_files (
  merchant_id text collate "C" not null,
  sha256 bytea not null,
  piece integer not null check (piece >= 0),
  sealed bytea not null,
  created_at timestamptz not null,
  primary key (merchant_id, sha256, piece)
);

-- Owner: recon. What a bill says, line by line. `object_id` is the attempt or refund that its number would be ours of.
create table bill_lines (
  merchant_id text collate "C" not null,
  bill_id text collate "C" not null,
  line integer not null,
  kind text not null,
  direction text not null,
  state text not null,
  object_id text collate "C",
  channel_order_no text collate "C",
  channel_transaction_id text collate "C",
  channel_refund_no text collate "C",
  channel_refund_id text collate "C",
  flow_no text collate "C",
  amount_fen bigint not null check (amount_fen >= 0),
  settled_fen bigint not null,
  fee_millifen bigint not null,
  fee_rate_ppm integer,
  currency text not null,
  receiver text not null,
  at timestamptz not null,
  primary key (merchant_id, bill_id, line)
);

-- Owner: recon. A payment or refund of ours and the line that says the same of it, to the fen.
create table recon_matches (
  merchant_id text collate "C" not null,
  object_id text collate "C" not null,
  channel_account_id text collate "C" not null,
  bill_id text collate "C" not null,
  line integer not null,
  -- How they were found to be the same.
  key text not null check (key in ('order_no', 'transaction_id', 'refund_no', 'refund_id', 'unique')),
  primary key (merchant_id, object_id)
);
create index recon_matches_bill on recon_matches (merchant_id, bill_id);

-- Owner: recon. 差错.
create table recon_exceptions (
  merchant_id text collate "C" not null,
  id text collate "C" not null,
  livemode boolean not null,
  channel text not null,
  channel_account_id text collate "C" not null,
  biz_date date not null,
  kind text not null,
  -- One row however often the day is matched.
  fingerprint text collate "C" not null,
  state text not null check (state in ('opened', 'proposed', 'approved', 'repaired', 'accepted', 'suspense', 'closed')),
  -- Ours, and the bill's line.
  object_id text collate "C",
  payment_id text collate "C",
  bill_id text collate "C",
  line integer,
  channel_order_no text collate "C",
  channel_transaction_id text collate "C",
  our_fen bigint not null default 0 check (our_fen >= 0),
  bill_fen bigint not null default 0 check (bill_fen >= 0),
  -- Of refunds the difference counts the other way in the day's equation.
  of text not null check (of in ('payment', 'refund', 'other')),
  -- The two sides still differ by this exception.
  standing boolean not null default true,
  at_risk_fen bigint not null check (at_risk_fen >= 0),
  detail jsonb not null default '{}',
  proposal text not null,
  owner text,
  approvals text[] not null default '{}',
  resolution text check (resolution in ('repaired', 'accepted', 'suspense', 'matched', 'gone', 'superseded')),
  opened_at timestamptz not null,
  closed_at timestamptz,
  aged_at timestamptz,
  version integer not null check (version >= 1),
  primary key (merchant_id, id),
  foreign key (merchant_id, channel_account_id) references channel_accounts (merchant_id, id),
  constraint recon_exceptions_once unique (merchant_id, fingerprint),
  constraint recon_exceptions_closed check ((state = 'closed') = (closed_at is not null) and (state = 'closed') = (resolution is not null))
);
create index recon_exceptions_day on recon_exceptions (merchant_id, channel_account_id, biz_date);
create index recon_exceptions_object on recon_exceptions (merchant_id, object_id) where object_id is not null;
create index recon_exceptions_ageing on recon_exceptions (opened_at) where closed_at is null and aged_at is null;

-- Owner: recon. Every step of an exception: who, when, why. Rows are only added.
create table recon_exception_steps (
  merchant_id text collate "C" not null,
  exception_id text collate "C" not null,
  version integer not null check (version >= 1),
  step text not null,
  from_state text,
  to_state text not null,
  by text not null,
  note text,
  at timestamptz not null,
  primary key (merchant_id, exception_id, version),
  foreign key (merchant_id, exception_id) references recon_exceptions (merchant_id, id)
);

-- Owner: recon. The fee that a channel account has agreed on, where bills do not name it themselves.
create table recon_settings (
  merchant_id text collate "C" not null,
  channel_account_id text collate "C" not null,
  fee_rate_ppm integer check (fee_rate_ppm between 0 and 1000000),
  updated_at timestamptz not null,
  primary key (merchant_id, channel_account_id),
  foreign key (merchant_id, channel_account_id) references channel_accounts (merchant_id, id)
);

-- Owner: recon. The keys that closed days are signed with, one for each merchant at a time.
create table recon_signing_keys (
  merchant_id text collate "C" not null,
  id text collate "C" not null,
  -- SPKI, base64.
  public_key text not null,
  private_key_sealed bytea not null,
  created_at timestamptz not null,
  primary key (merchant_id, id)
);

-- Owner: payments. A day of an account is read by time: for reconciliation, and never in the way of a payment.
create index attempts_paid on attempts (merchant_id, channel_account_id, paid_at) where state = 'succeeded';
create index refunds_created on refunds (merchant_id, created_at);

-- Few merchants have most rows: see 0001.
alter table bill_lines alter column merchant_id set (n_distinct = 100);
alter table recon_matches alter column merchant_id set (n_distinct = 100);
alter table recon_exceptions alter column merchant_id set (n_distinct = 100);
