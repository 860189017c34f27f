-- The cashier: a payment may have a page on which it is paid, and the merchant says how its pages look.

-- Owner: payments. The page's address ends with the merchant's code and this token: 130 random bits, so whoever has it was
-- given it. It opens a page that shows and pays one order and nothing else, so it is kept as the order number is.
alter table payments add column checkout_token text collate "C" check (checkout_token ~ '^[0-9A-HJKMNP-TV-Z]{26}$');
create unique index payments_checkout_token on payments (merchant_id, checkout_token) where checkout_token is not null;

-- Owner: cashier. 收银台会话: what a page knows beyond its payment. Its id is the payment's with another prefix.
create table checkout_sessions (
  merchant_id text collate "C" not null,
  payment_id text collate "C" not null,
  livemode boolean not null,
  mode text not null check (mode in ('web', 'embedded', 'in_store')),
  locale text not null check (locale in ('auto', 'zh', 'en')),
  -- Empty: whatever the merchant's accounts take.
  allowed_methods text[] not null,
  return_url text,
  created_at timestamptz not null,
  primary key (merchant_id, payment_id)
);

-- Owner: cashier. One row per merchant and mode, made with the first change.
create table cashier_settings (
  merchant_id text collate "C" not null references merchants (id),
  livemode boolean not null,
  display_name text,
  color text check (color ~ '^#[0-9a-f]{6}$'),
  -- PNG, rebuilt from the chunks that draw.
  logo_png bytea check (octet_length(logo_png) <= 16384),
  -- Where payers may be sent back to, and what may frame an embedded page.
  return_hosts text[] not null default '{}',
  updated_at timestamptz not null,
  primary key (merchant_id, livemode)
);

-- Owner: cashier. 付款人识别: a browser that was sent to its wallet to say who opens a page. A row is made with the hop, used
-- once by whoever comes back with its state in the same browser, and then names that browser's payer for this one payment.
create table cashier_payers (
  merchant_id text collate "C" not null,
  -- SHA-256 of the state: a copy of the table opens nothing.
  state_hash bytea not null,
  payment_id text collate "C" not null,
  browser_hash bytea not null,
  method text not null,
  channel_account_id text collate "C" not null,
  account_version integer not null,
  expires_at timestamptz not null,
  used_at timestamptz,
  -- Who it was, and of which application: JSON, sealed.
  payer_sealed bytea,
  primary key (merchant_id, state_hash),
  check (payer_sealed is null or used_at is not null)
);
create index cashier_payers_browser on cashier_payers (merchant_id, payment_id, browser_hash);
create index cashier_payers_expires on cashier_payers (expires_at);
