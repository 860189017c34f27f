-- Tills: devices that are paired with a terminal by a code of one use, the supervisor's PIN of a store, what devices gave
-- back on a day, and hand-overs (交接班).

-- Owner: cashier. At most one open code for each terminal; the code itself is nowhere.
create table pairing_codes (
  merchant_id text collate "C" not null,
  terminal_id text collate "C" not null,
  livemode boolean not null,
  -- SHA-256 of 50 random bits that live for ten minutes and are guessed at under a limit.
  secret_hash bytea not null unique,
  refund_fen_max bigint not null check (refund_fen_max between 0 and 10000000000),
  expires_at timestamptz not null,
  primary key (merchant_id, terminal_id),
  foreign key (merchant_id, terminal_id) references terminals (merchant_id, id)
);

-- Owner: cashier.
create table devices (
  merchant_id text collate "C" not null,
  id text collate "C" not null,
  livemode boolean not null,
  store_id text collate "C" not null,
  terminal_id text collate "C" not null,
  name text not null,
  -- SHA-256 of a token of 256 random bits.
  secret_hash bytea not null unique,
  refund_fen_max bigint not null check (refund_fen_max between 0 and 10000000000),
  state text not null default 'active' check (state in ('active', 'revoked')),
  created_at timestamptz not null,
  revoked_at timestamptz,
  primary key (merchant_id, id),
  foreign key (merchant_id, terminal_id) references terminals (merchant_id, id),
  constraint devices_revoked check ((state = 'revoked') = (revoked_at is not null))
);
create index devices_terminal on devices (merchant_id, terminal_id, id);

-- Owner: cashier. scrypt; a try is counted before it is compared, so that tries at the same time all count.
create table supervisor_pins (
  merchant_id text collate "C" not null,
  store_id text collate "C" not null,
  pin_hash bytea not null,
  salt bytea not null,
  failures integer not null default 0,
  locked_until timestamptz,
  set_at timestamptz not null,
  primary key (merchant_id, store_id),
  foreign key (merchant_id, store_id) references stores (merchant_id, id)
);

-- Owner: cashier. A refund's part of its device's day, taken before the refund is made.
create table device_refunds (
  merchant_id text collate "C" not null,
  device_id text collate "C" not null,
  merchant_refund_no text collate "C" not null,
  biz_date text collate "C" not null check (biz_date ~ '^\d{4}-\d\d-\d\d$'),
  amount_fen bigint not null check (amount_fen between 1 and 10000000000),
  primary key (merchant_id, device_id, merchant_refund_no),
  foreign key (merchant_id, device_id) references devices (merchant_id, id)
);

-- Owner: cashier. A shift ends where the next begins.
create table shifts (
  merchant_id text collate "C" not null,
  id text collate "C" not null,
  livemode boolean not null,
  store_id text collate "C" not null,
  terminal_id text collate "C" not null,
  device_id text collate "C" not null,
  cashier text not null,
  opened_at timestamptz not null,
  closed_at timestamptz not null,
  totals jsonb not null,
  primary key (merchant_id, id),
  foreign key (merchant_id, device_id) references devices (merchant_id, id),
  constraint shifts_once unique (merchant_id, terminal_id, opened_at),
  constraint shifts_time check (closed_at > opened_at)
);
