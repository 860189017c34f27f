-- 渠道密钥: some gateways give an account its key for a code, and another one each day. What they told once has to be kept, sealed,
-- or a new code is needed.

-- Owner: merchants. One row per account that was given a key; renewals are due rows.
create table channel_sessions (
  merchant_id text collate "C" not null,
  channel_account_id text collate "C" not null,
  -- `lost`: the gateway takes the key no more, and only a new code helps.
  state text not null check (state in ('open', 'lost')),
  -- Who the account is at the gateway: the number of a terminal.
  name text not null,
  key_sealed bytea not null,
  -- Keys that were asked for: each question has a number of its own, and a key is kept unless that of a later question is there.
  asked integer not null check (asked >= 1),
  -- The question that brought the key. Those after it had no answer, and may have been carried out.
  version integer not null check (version between 1 and asked),
  got_at timestamptz not null,
  renew_at timestamptz,
  -- Why the last question brought no key.
  problem text,
  primary key (merchant_id, channel_account_id),
  foreign key (merchant_id, channel_account_id) references channel_accounts (merchant_id, id),
  constraint channel_sessions_due check ((state = 'open') = (renew_at is not null))
);
create index channel_sessions_renew on channel_sessions (renew_at) where renew_at is not null;
