-- 码牌库存: plates that belong to the platform until a shop has them. They are printed and shipped before anybody knows whose
-- they will be; one becomes a merchant's own when the merchant claims it, or when the operator assigns it.

-- Owner: cashier. Stock that was made together.
create table plate_stock_batches (
  id text collate "C" primary key,
  livemode boolean not null,
  name text not null,
  count integer not null check (count between 1 and 1000),
  created_at timestamptz not null
);

-- Owner: cashier. Id and code are those that the plate keeps as a merchant's own; rows are never deleted.
create table plate_stock (
  id text collate "C" primary key,
  livemode boolean not null,
  batch_id text collate "C" not null references plate_stock_batches (id),
  serial_no integer not null check (serial_no >= 1),
  -- Printed on the plate: names it, and opens nothing.
  stock_no text collate "C" not null unique check (stock_no ~ '^[0-9A-HJKMNP-TV-Z]{10}$'),
  -- What the QR code says, of the form that plates have.
  code text collate "C" not null unique,
  -- Of the claim code, which travels with the plate but is not on its face.
  claim_hash bytea not null,
  merchant_id text collate "C",
  given_at timestamptz,
  constraint plate_stock_serial unique (batch_id, serial_no),
  constraint plate_stock_given check ((merchant_id is null) = (given_at is null)),
  foreign key (merchant_id, id) references plates (merchant_id, id)
);
create index plate_stock_merchant on plate_stock (merchant_id, id) where merchant_id is not null;

-- An assignment is the operator's, who has no API key.
alter table plate_changes alter column api_key_id drop not null;
alter table plate_changes drop constraint plate_changes_change_check;
alter table plate_changes add constraint plate_changes_change_check
  check (change in ('claimed', 'assigned', 'bound', 'rebound', 'updated', 'disabled', 'enabled'));
alter table plate_changes add constraint plate_changes_by check ((api_key_id is null) = (change = 'assigned'));
