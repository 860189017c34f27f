-- Smart routing: rule sets, terms of accounts, decisions, quota counters and shared health. Owner: routing, except the two
-- columns of attempts, which payments owns.

-- Rules of a merchant and mode; a set never changes, and the one that was activated last decides.
create table rule_sets (
  merchant_id text collate "C" not null references merchants (id),
  id text collate "C" not null,
  livemode boolean not null,
  version integer not null check (version >= 1),
  definition jsonb not null,
  -- When it was last put to use; null while it never was.
  activated_at timestamptz,
  created_at timestamptz not null,
  primary key (merchant_id, id),
  constraint rule_sets_version unique (merchant_id, livemode, version)
);

-- Price, limits, quotas and hours of an account, and what a person turned off. Every change is a new version.
create table routing_terms (
  merchant_id text collate "C" not null,
  channel_account_id text collate "C" not null,
  version integer not null check (version >= 1),
  terms jsonb not null,
  turned_off jsonb not null,
  created_at timestamptz not null,
  primary key (merchant_id, channel_account_id, version),
  foreign key (merchant_id, channel_account_id) references channel_accounts (merchant_id, id)
);

-- Why an attempt went where it went. Written by the statement that inserts the attempt, never changed.
create table routing_decisions (
  merchant_id text collate "C" not null,
  attempt_id text collate "C" not null,
  livemode boolean not null,
  channel_account_id text collate "C" not null,
  method text not null,
  amount_fen bigint not null check (amount_fen >= 1),
  -- 0: no rules were set.
  rules_version integer not null check (rules_version >= 0),
  rule text,
  strategy text not null,
  propensity_ppm integer not null check (propensity_ppm between 0 and 1000000),
  last_resort boolean not null,
  -- The channel's fee by the terms of that moment; null without a price.
  quoted_fee_fen bigint check (quoted_fee_fen >= 0),
  -- One array per account: id, version of its terms, exclusion, rank, success_ppm, fee_fen, score; cut after the exclusion.
  considered jsonb not null,
  created_at timestamptz not null,
  primary key (merchant_id, attempt_id)
);

-- Used and allowed of a quota and period, in shards so that payments at the same time do not wait for one another. What may
-- be used is divided among the shards: no shard passes its share, so all together never pass the quota.
create table quota_counters (
  merchant_id text collate "C" not null,
  channel_account_id text collate "C" not null,
  -- `d2026-11-22`, `m2026-11`; of one payer `d2026-11-22/…`.
  bucket text collate "C" not null,
  shard integer not null check (shard >= 0),
  used_fen bigint not null check (used_fen >= 0),
  used_count integer not null check (used_count >= 0),
  -- Null: not limited.
  share_fen bigint check (share_fen >= 0),
  share_count integer check (share_count >= 0),
  -- False of a counter that money made which came late: its share is set by the first payment that reserves on it.
  shared boolean not null,
  primary key (merchant_id, channel_account_id, bucket, shard),
  constraint quota_counters_fen check (used_fen <= share_fen),
  constraint quota_counters_count check (used_count <= share_count)
) with (fillfactor = 50);

-- What each node saw of an account and method in a minute: the others take it over.
create table account_health (
  merchant_id text collate "C" not null,
  channel_account_id text collate "C" not null,
  method text not null,
  minute timestamptz not null,
  node text collate "C" not null,
  ok integer not null check (ok >= 0),
  failed integer not null check (failed >= 0),
  latency_ms_total bigint not null check (latency_ms_total >= 0),
  primary key (merchant_id, channel_account_id, method, minute, node)
) with (fillfactor = 70);
create index account_health_minute on account_health (minute);

-- What the attempt reserved of quotas: arrays of bucket, shard, fen, count. It counts while the attempt lives or has succeeded.
alter table attempts add column quota jsonb;
-- What the channel took of a success, where its answer or notification says so.
alter table attempts add column channel_fee_fen bigint check (channel_fee_fen >= 0);

alter table routing_decisions alter column merchant_id set (n_distinct = 100);
alter table quota_counters alter column merchant_id set (n_distinct = 100);
