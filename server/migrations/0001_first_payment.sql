-- The tables of the first payment: merchants, access, channel accounts, the payment core, events and webhooks.
-- Primary keys and unique indexes of hot tables begin with merchant_id, and hot statements touch one merchant, so that
-- the same schema can be distributed by merchant. Ids are compared byte-wise (collate "C"): their order is their time.

-- Owner: merchants.
create table merchants (
  id text collate "C" primary key,
  -- Six characters inside every order number sent upstream.
  code text collate "C" not null unique check (code ~ '^[0-9A-HJKMNP-TV-Z]{6}$'),
  name text not null check (length(name) between 1 and 100),
  state text not null default 'active' check (state in ('active', 'suspended')),
  signature_required boolean not null default false,
  -- What happens to a second success of a paid payment, and to money that comes after closing.
  duplicate_policy text not null default 'refund' check (duplicate_policy in ('refund', 'keep')),
  late_policy text not null default 'refund' check (late_policy in ('refund', 'accept')),
  version integer not null default 1,
  created_at timestamptz not null
);

-- Owner: merchants. Settings live in versions, so that an open order keeps the keys it was sent with.
create table channel_accounts (
  merchant_id text collate "C" not null references merchants (id),
  id text collate "C" not null,
  livemode boolean not null,
  channel text not null,
  name text not null check (length(name) between 1 and 100),
  state text not null default 'active' check (state in ('active', 'paused', 'closed')),
  -- Lower is tried first.
  priority integer not null default 100,
  version integer not null check (version >= 1),
  created_at timestamptz not null,
  primary key (merchant_id, id)
);
-- A notification URL names the account alone.
create index channel_accounts_id on channel_accounts (id);

create table channel_account_versions (
  merchant_id text collate "C" not null,
  channel_account_id text collate "C" not null,
  version integer not null check (version >= 1),
  -- What is not secret, as JSON; what is, sealed by the vault.
  settings jsonb not null,
  secrets_sealed bytea not null,
  created_at timestamptz not null,
  primary key (merchant_id, channel_account_id, version),
  foreign key (merchant_id, channel_account_id) references channel_accounts (merchant_id, id)
);

-- Owner: access.
create table api_keys (
  merchant_id text collate "C" not null references merchants (id),
  id text collate "C" not null,
  livemode boolean not null,
  name text not null,
  -- SHA-256 of the key; the key has 256 random bits, so a slow hash would add nothing.
  secret_hash bytea not null unique,
  last4 text not null,
  scopes text[] not null,
  -- SPKI, base64: requests signed with the private half need no secret on the wire (RFC 9421).
  ed25519_public_key text,
  state text not null default 'active' check (state in ('active', 'revoked')),
  created_at timestamptz not null,
  expires_at timestamptz,
  revoked_at timestamptz,
  primary key (merchant_id, id)
);
create index api_keys_id on api_keys (id);

-- Owner: access. A nonce is refused a second time inside the window; rows are swept after it.
create table request_nonces (
  merchant_id text collate "C" not null,
  api_key_id text collate "C" not null,
  nonce text collate "C" not null,
  expires_at timestamptz not null,
  primary key (merchant_id, api_key_id, nonce)
);
create index request_nonces_expires on request_nonces (expires_at);

-- Owner: platform/vault. Data keys, wrapped by a key outside the database.
create table data_keys (
  id text collate "C" primary key,
  wrapped bytea not null,
  -- Names the wrapping key (fingerprint), never the key.
  wrapping_key text not null,
  state text not null default 'active' check (state in ('active', 'retired')),
  created_at timestamptz not null
);

-- Owner: payments. 支付单. `version` guards every change of a payment, its attempts and its refunds.
create table payments (
  merchant_id text collate "C" not null,
  id text collate "C" not null,
  livemode boolean not null,
  merchant_order_no text collate "C" not null,
  -- Of what the merchant asked for: the same number with other content is refused.
  request_hash bytea not null,
  amount_fen bigint not null check (amount_fen between 1 and 10000000000),
  currency text not null check (currency = 'CNY'),
  subject text not null,
  metadata jsonb not null default '{}',
  state text not null check (state in ('pending', 'paid', 'closed')),
  closed_reason text check (closed_reason in ('expired', 'cancelled', 'refused')),
  -- A close that was asked for and is not certain yet: by time, by the merchant's close, by the merchant's cancel (撤销).
  closing text check (closing in ('expire', 'close', 'cancel')),
  paid_fen bigint not null default 0 check (paid_fen >= 0),
  refunding_fen bigint not null default 0 check (refunding_fen >= 0),
  refunded_fen bigint not null default 0 check (refunded_fen >= 0),
  refund_count integer not null default 0,
  accepted_attempt_id text collate "C",
  latest_attempt_id text collate "C",
  attempt_count integer not null default 0,
  expires_at timestamptz not null,
  -- When the sweeper closes it; null when final.
  next_close_at timestamptz,
  close_tries integer not null default 0,
  paid_at timestamptz,
  closed_at timestamptz,
  created_at timestamptz not null,
  version integer not null check (version >= 1),
  primary key (merchant_id, id),
  constraint payments_order_no unique (merchant_id, livemode, merchant_order_no),
  constraint payments_no_over_refund check (refunding_fen + refunded_fen <= paid_fen),
  constraint payments_paid_whole check ((state = 'paid') = (paid_fen > 0) and (state <> 'paid' or paid_fen = amount_fen)),
  constraint payments_closed_reason check ((state = 'closed') = (closed_reason is not null)),
  constraint payments_due check (state <> 'pending' or next_close_at is not null)
) with (fillfactor = 80);
create index payments_close_due on payments (next_close_at) where next_close_at is not null;

-- Owner: payments. 支付尝试. The order number upstream is derived from merchant code and id.
create table attempts (
  merchant_id text collate "C" not null,
  id text collate "C" not null,
  payment_id text collate "C" not null,
  channel text not null,
  channel_account_id text collate "C" not null,
  account_version integer not null,
  method text not null,
  amount_fen bigint not null check (amount_fen between 1 and 10000000000),
  currency text not null,
  -- What the adapter needs to send the same request again; payment codes are sealed and dropped when final.
  request jsonb not null,
  request_sealed bytea,
  state text not null check (state in ('sending', 'waiting', 'succeeded', 'refused', 'closed')),
  disposition text check (disposition in ('accepted', 'duplicate', 'late')),
  next_action jsonb not null,
  channel_transaction_id text collate "C",
  payer_amount_fen bigint check (payer_amount_fen >= 0),
  payer_sealed bytea,
  refusal jsonb,
  paid_at timestamptz,
  -- Since when the channel may be giving the money back by itself: written before it is asked to reverse the order.
  reversing_at timestamptz,
  created_at timestamptz not null,
  next_query_at timestamptz,
  query_tries integer not null default 0,
  version integer not null check (version >= 1),
  primary key (merchant_id, id),
  foreign key (merchant_id, payment_id) references payments (merchant_id, id),
  constraint attempts_transaction unique (merchant_id, channel_account_id, channel_transaction_id),
  constraint attempts_disposition check ((state = 'succeeded') = (disposition is not null)),
  constraint attempts_due check (state not in ('sending', 'waiting') or next_query_at is not null)
) with (fillfactor = 80);
create index attempts_payment on attempts (merchant_id, payment_id);
create unique index attempts_one_accepted on attempts (merchant_id, payment_id) where disposition = 'accepted';
create index attempts_query_due on attempts (next_query_at) where next_query_at is not null;

-- Owner: payments. 退款.
create table refunds (
  merchant_id text collate "C" not null,
  id text collate "C" not null,
  payment_id text collate "C" not null,
  attempt_id text collate "C" not null,
  livemode boolean not null,
  merchant_refund_no text collate "C",
  request_hash bytea,
  cause text not null check (cause in ('merchant', 'duplicate', 'late', 'cancel')),
  amount_fen bigint not null check (amount_fen between 1 and 10000000000),
  currency text not null,
  reason text,
  metadata jsonb not null default '{}',
  state text not null check (state in ('sending', 'pending', 'succeeded', 'refused')),
  refusal jsonb,
  channel_refund_id text collate "C",
  created_at timestamptz not null,
  refunded_at timestamptz,
  next_query_at timestamptz,
  query_tries integer not null default 0,
  version integer not null check (version >= 1),
  primary key (merchant_id, id),
  foreign key (merchant_id, payment_id) references payments (merchant_id, id),
  foreign key (merchant_id, attempt_id) references attempts (merchant_id, id),
  constraint refunds_refund_no unique (merchant_id, livemode, merchant_refund_no),
  constraint refunds_due check (state not in ('sending', 'pending') or next_query_at is not null)
) with (fillfactor = 80);
create index refunds_payment on refunds (merchant_id, payment_id);
-- Money that is not the payment's own goes back once.
create unique index refunds_automatic on refunds (merchant_id, attempt_id) where cause in ('duplicate', 'late') and state <> 'refused';
create index refunds_query_due on refunds (next_query_at) where next_query_at is not null;

-- Owner: payments. Every change of state of a payment, attempt or refund, with how it is known.
create table transitions (
  merchant_id text collate "C" not null,
  object_id text collate "C" not null,
  version integer not null check (version >= 1),
  from_state text,
  to_state text not null,
  via text not null check (via in ('request', 'answer', 'notification', 'query', 'bill', 'operator', 'clock')),
  evidence_id text collate "C",
  at timestamptz not null,
  primary key (merchant_id, object_id, version)
);

-- Owner: payments. The channel's own words behind a transition: hash for ever, text sealed and dropped after its term.
create table evidence (
  merchant_id text collate "C" not null,
  id text collate "C" not null,
  channel_account_id text collate "C" not null,
  via text not null,
  digest bytea not null,
  sealed bytea,
  received_at timestamptz not null,
  primary key (merchant_id, id)
);

-- Owner: payments. 异常: facts that were parked for a person.
create table anomalies (
  merchant_id text collate "C" not null,
  id text collate "C" not null,
  livemode boolean not null,
  kind text not null,
  channel_account_id text collate "C" not null,
  payment_id text collate "C",
  attempt_id text collate "C",
  refund_id text collate "C",
  -- One row however often the channel repeats itself.
  fingerprint text collate "C" not null,
  detail jsonb not null,
  evidence_id text collate "C",
  created_at timestamptz not null,
  primary key (merchant_id, id),
  constraint anomalies_once unique (merchant_id, fingerprint)
);

-- Owner: platform/idempotency. A row exists only with the effect it stands for; the reply is filled in when it is known.
create table idempotency_keys (
  merchant_id text collate "C" not null,
  livemode boolean not null,
  key text collate "C" not null,
  operation text not null,
  request_hash bytea not null,
  object_id text collate "C" not null,
  status integer,
  -- The reply, byte for byte; sealed, since some replies show a secret once.
  body_sealed bytea,
  created_at timestamptz not null,
  primary key (merchant_id, livemode, key)
  -- The reply comes milliseconds after the key and finds room on its page.
) with (fillfactor = 50);
create index idempotency_keys_created on idempotency_keys (created_at);

-- Owner: platform/outbox. Frozen payloads; `sequence` is given after commit by one sequencer, gap-free per merchant and mode.
create table events (
  merchant_id text collate "C" not null,
  id text collate "C" not null,
  livemode boolean not null,
  type text not null,
  object_id text collate "C" not null,
  object_version integer not null,
  -- The exact bytes of every delivery.
  payload text not null,
  sequence bigint,
  created_at timestamptz not null,
  primary key (merchant_id, id)
);
create unique index events_sequence on events (merchant_id, livemode, sequence) where sequence is not null;
create index events_unsequenced on events (created_at) where sequence is null;

create table event_sequences (
  merchant_id text collate "C" not null,
  livemode boolean not null,
  last bigint not null,
  primary key (merchant_id, livemode)
);

-- Owner: webhooks.
create table webhook_endpoints (
  merchant_id text collate "C" not null references merchants (id),
  id text collate "C" not null,
  livemode boolean not null,
  url text not null,
  description text,
  event_types text[] not null default '{}',
  state text not null default 'enabled' check (state in ('enabled', 'disabled')),
  disabled_reason text,
  secret_sealed bytea not null,
  -- Signs beside the new one until the overlap ends.
  previous_secret_sealed bytea,
  previous_until timestamptz,
  version integer not null default 1,
  created_at timestamptz not null,
  primary key (merchant_id, id)
);

-- Owner: platform/outbox inserts with the event; webhooks sends and marks.
create table deliveries (
  merchant_id text collate "C" not null,
  id text collate "C" not null,
  webhook_endpoint_id text collate "C" not null,
  event_id text collate "C" not null,
  state text not null default 'pending' check (state in ('pending', 'delivered', 'dead', 'cancelled')),
  tries integer not null default 0,
  last_status integer,
  last_error text,
  next_send_at timestamptz,
  delivered_at timestamptz,
  created_at timestamptz not null,
  primary key (merchant_id, id),
  foreign key (merchant_id, event_id) references events (merchant_id, id),
  constraint deliveries_once unique (merchant_id, webhook_endpoint_id, event_id),
  constraint deliveries_due check ((state = 'pending') = (next_send_at is not null))
) with (fillfactor = 80);
-- By endpoint first: a claim goes from endpoint to endpoint, so that the backlog of one costs the others nothing.
create index deliveries_endpoint_due on deliveries (webhook_endpoint_id, next_send_at) where next_send_at is not null;

-- Of many merchants most have few rows and one may have most of them. Told the average, PostgreSQL finds every index that
-- begins with the merchant as good as the key, and reads all rows of the large merchant to find one (measured: 3,000 rows
-- among 20,000 merchants with one each). So it is told that merchants have many rows.
alter table payments alter column merchant_id set (n_distinct = 100);
alter table attempts alter column merchant_id set (n_distinct = 100);
alter table refunds alter column merchant_id set (n_distinct = 100);
alter table anomalies alter column merchant_id set (n_distinct = 100);
alter table events alter column merchant_id set (n_distinct = 100);
alter table deliveries alter column merchant_id set (n_distinct = 100);
