-- A closed day into which something comes later says so, and may be closed again: every version that was signed stays.

-- Owner: recon. 日结单: each signed statement of a channel account's day. `bill_days` has the last one.
create table recon_day_closes (
  merchant_id text collate "C" not null,
  channel_account_id text collate "C" not null,
  biz_date date not null,
  version integer not null check (version >= 1),
  statement jsonb not null,
  signature bytea not null,
  signing_key_id text collate "C" not null,
  closed_by text not null,
  closed_at timestamptz not null,
  primary key (merchant_id, channel_account_id, biz_date, version),
  foreign key (merchant_id, channel_account_id) references channel_accounts (merchant_id, id),
  foreign key (merchant_id, signing_key_id) references recon_signing_keys (merchant_id, id)
);
insert into recon_day_closes (merchant_id, channel_account_id, biz_date, version, statement, signature, signing_key_id, closed_by, closed_at)
  select merchant_id, channel_account_id, biz_date, 1, statement, signature, signing_key_id, closed_by, closed_at from bill_days
  where kind = 'trade' and closed_at is not null and statement is not null and signing_key_id is not null and closed_by is not null;

create function recon_day_closes_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'recon_day_closes is only added to' using errcode = 'check_violation', constraint = 'recon_day_closes_only_added';
end $$;
create trigger recon_day_closes_only_added before update or delete or truncate on recon_day_closes for each statement execute function recon_day_closes_refuse_change();

-- Which version the day was closed as last, and by how much the platform's payments and refunds of it have grown since.
alter table bill_days add column close_version integer check (close_version >= 1);
alter table bill_days add column later_payments_fen bigint not null default 0;
alter table bill_days add column later_refunds_fen bigint not null default 0;
update bill_days set close_version = 1 where closed_at is not null;
