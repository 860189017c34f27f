-- Owner: recon. 商户日结: the day of a whole merchant, signed. `statement` has its sums and names the signed day of every channel account.
create table daily_closes (
  merchant_id text collate "C" not null references merchants (id),
  livemode boolean not null,
  biz_date date not null,
  statement jsonb not null,
  signature bytea not null,
  signing_key_id text collate "C" not null,
  closed_by text not null,
  closed_at timestamptz not null,
  primary key (merchant_id, livemode, biz_date),
  foreign key (merchant_id, signing_key_id) references recon_signing_keys (merchant_id, id)
);

-- What was closed stays what was signed.
create function daily_closes_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'daily_closes is only added to' using errcode = 'check_violation', constraint = 'daily_closes_only_added';
end $$;
create trigger daily_closes_only_added before update or delete or truncate on daily_closes for each statement execute function daily_closes_refuse_change();
