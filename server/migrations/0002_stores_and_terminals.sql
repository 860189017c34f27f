-- Where payments are taken: stores, their terminals, and both named by a payment. Rule 259号文 (银发〔2021〕259号) wants
-- each device to belong to one merchant and one place, and payments taken in person to say which.

-- Owner: merchants. 门店.
create table stores (
  merchant_id text collate "C" not null references merchants (id),
  id text collate "C" not null,
  livemode boolean not null,
  name text not null check (length(name) between 1 and 100),
  store_no text collate "C",
  -- GB/T 2260.
  region_code text check (region_code ~ '^[1-9][0-9]{5}$'),
  address text,
  state text not null default 'open' check (state in ('open', 'closed')),
  created_at timestamptz not null,
  closed_at timestamptz,
  version integer not null default 1 check (version >= 1),
  primary key (merchant_id, id),
  constraint stores_store_no unique (merchant_id, livemode, store_no),
  constraint stores_closed check ((state = 'closed') = (closed_at is not null))
);

-- Owner: merchants. 终端. It stays in its store for ever: a device that moves is closed and made anew, so that a payment's
-- place never changes afterwards.
create table terminals (
  merchant_id text collate "C" not null,
  id text collate "C" not null,
  livemode boolean not null,
  store_id text collate "C" not null,
  name text not null check (length(name) between 1 and 100),
  kind text not null check (kind in ('pos', 'plate', 'kiosk', 'gate')),
  -- As it was registered with the channel.
  terminal_no text collate "C",
  state text not null default 'active' check (state in ('active', 'closed')),
  created_at timestamptz not null,
  closed_at timestamptz,
  version integer not null default 1 check (version >= 1),
  primary key (merchant_id, id),
  foreign key (merchant_id, store_id) references stores (merchant_id, id),
  constraint terminals_terminal_no unique (merchant_id, livemode, terminal_no),
  constraint terminals_closed check ((state = 'closed') = (closed_at is not null))
);
create index terminals_store on terminals (merchant_id, store_id, id);

-- Owner: payments. No foreign keys: a look-up for each payment would cost more than the rule of `heliu verify` that stands
-- for them. The indexes hold only payments that were taken somewhere, and neither column ever changes.
alter table payments add column store_id text collate "C", add column terminal_id text collate "C";
alter table payments add constraint payments_terminal_in_store check (terminal_id is null or store_id is not null);
create index payments_store on payments (merchant_id, store_id, id) where store_id is not null;
create index payments_terminal on payments (merchant_id, terminal_id, id) where terminal_id is not null;
