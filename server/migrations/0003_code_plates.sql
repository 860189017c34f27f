-- 码牌: printed codes that payers scan with any wallet. Stock is printed first and bound to a terminal later; one code is
-- one terminal (259号文), and every change of that stays readable.

-- Owner: cashier. Plates that were made together.
create table plate_batches (
  merchant_id text collate "C" not null references merchants (id),
  id text collate "C" not null,
  livemode boolean not null,
  name text not null,
  count integer not null check (count between 1 and 1000),
  created_at timestamptz not null,
  primary key (merchant_id, id)
);

-- Owner: cashier.
create table plates (
  merchant_id text collate "C" not null,
  id text collate "C" not null,
  livemode boolean not null,
  batch_id text collate "C" not null,
  serial_no integer not null check (serial_no >= 1),
  -- 130 random bits: what the QR code says, and all that a payer's browser knows.
  code text collate "C" not null unique check (code ~ '^[0-9A-HJKMNP-TV-Z]{26}$'),
  state text not null default 'stock' check (state in ('stock', 'active', 'disabled')),
  store_id text collate "C",
  terminal_id text collate "C",
  subject text,
  -- Fixed; null where the payer types it.
  fixed_amount_fen bigint check (fixed_amount_fen between 1 and 10000000000),
  amount_fen_max bigint check (amount_fen_max between 1 and 10000000000),
  daily_amount_fen_max bigint check (daily_amount_fen_max between 1 and 10000000000),
  daily_count_max integer check (daily_count_max >= 1),
  remark text not null default 'none' check (remark in ('none', 'optional', 'required')),
  created_at timestamptz not null,
  version integer not null default 1 check (version >= 1),
  primary key (merchant_id, id),
  foreign key (merchant_id, batch_id) references plate_batches (merchant_id, id),
  foreign key (merchant_id, terminal_id) references terminals (merchant_id, id),
  constraint plates_serial unique (merchant_id, batch_id, serial_no),
  constraint plates_bound check ((state = 'stock') = (terminal_id is null) and (terminal_id is null) = (store_id is null))
);
-- One code, one terminal; a disabled plate gives its terminal free.
create unique index plates_terminal on plates (merchant_id, terminal_id) where state = 'active';
create index plates_store on plates (merchant_id, store_id, id) where store_id is not null;

-- Owner: cashier. What was changed, by whom; rows are never updated or deleted.
create table plate_changes (
  merchant_id text collate "C" not null,
  plate_id text collate "C" not null,
  version integer not null check (version >= 2),
  change text not null check (change in ('bound', 'rebound', 'updated', 'disabled', 'enabled')),
  state text not null,
  store_id text collate "C",
  terminal_id text collate "C",
  settings jsonb not null,
  api_key_id text collate "C" not null,
  at timestamptz not null,
  primary key (merchant_id, plate_id, version),
  foreign key (merchant_id, plate_id) references plates (merchant_id, id)
);

-- Owner: cashier. A payer's tap on "pay": it takes its part of the day's limit before the payment is made, and names the
-- payment, so that the same tap is the same payment however often it is sent.
create table plate_taps (
  merchant_id text collate "C" not null,
  plate_id text collate "C" not null,
  merchant_order_no text collate "C" not null,
  livemode boolean not null,
  -- Of the tap, in Asia/Shanghai.
  biz_date text collate "C" not null check (biz_date ~ '^\d{4}-\d\d-\d\d$'),
  amount_fen bigint not null check (amount_fen between 1 and 10000000000),
  created_at timestamptz not null,
  primary key (merchant_id, plate_id, merchant_order_no),
  foreign key (merchant_id, plate_id) references plates (merchant_id, id)
);
create index plate_taps_day on plate_taps (merchant_id, plate_id, biz_date);
