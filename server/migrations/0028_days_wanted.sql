-- No day is left out, whatever was fetched by hand meanwhile; the last days of a closed account are wanted; looking ends.

-- Owner: merchants. Null: open, or closed before this was kept.
alter table channel_accounts add column closed_at timestamptz;

-- Owner: recon. Up to which day the days of an account have been made, without a gap.
create table bill_horizons (
  merchant_id text collate "C" not null,
  channel_account_id text collate "C" not null,
  kind text not null check (kind in ('trade', 'fund')),
  opened_through date not null,
  primary key (merchant_id, channel_account_id, kind),
  foreign key (merchant_id, channel_account_id) references channel_accounts (merchant_id, id)
);

-- A bill that did not come for a month is not asked for any more: `problem` says so.
alter table bill_days drop constraint bill_days_wanted;
alter table bill_days add constraint bill_days_wanted check (state <> 'wanted' or next_fetch_at is not null or problem is not null);
