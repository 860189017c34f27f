-- One movement of a bank account is one credit, whichever channel account it is imported for; an import is taken back as a whole.

-- Owner: bank. The merchant's bank account that the channel pays into, by the name that the merchant gives it; empty while unnamed.
alter table bank_accounts add column bank_account text collate "C" not null default '', add column followed_by text;

-- Owner: bank. A statement that was taken in.
create table bank_imports (
  merchant_id text collate "C" not null,
  id text collate "C" not null,
  livemode boolean not null,
  channel_account_id text collate "C" not null,
  -- The last day that it is about.
  covered_through date,
  imported_by text not null,
  created_at timestamptz not null,
  undone_at timestamptz,
  undone_by text,
  undone_reason text,
  primary key (merchant_id, id),
  foreign key (merchant_id, channel_account_id) references channel_accounts (merchant_id, id),
  check ((undone_at is null) = (undone_by is null) and (undone_at is null) = (undone_reason is null))
);
create index bank_imports_of_account on bank_imports (merchant_id, channel_account_id, id);

alter table bank_credits add column bank_account text collate "C" not null default '', add column import_id text collate "C",
  -- Taken back with its import: its posting is reversed, and it is about nothing.
  add column undone_at timestamptz;

-- Those that were imported together have the same time.
insert into bank_imports (merchant_id, id, livemode, channel_account_id, covered_through, imported_by, created_at)
  select merchant_id, 'bim_' || substr(min(id), 5), livemode, channel_account_id, max(received_on), imported_by, created_at
  from bank_credits group by merchant_id, livemode, channel_account_id, imported_by, created_at;
update bank_credits c set import_id = i.id from bank_imports i
  where i.merchant_id = c.merchant_id and i.channel_account_id = c.channel_account_id and i.created_at = c.created_at and i.imported_by = c.imported_by;
-- What was posted for two accounts before stays, and is for a person to take back.
update bank_credits c set bank_account = c.channel_account_id where exists (
  select 1 from bank_credits e where e.merchant_id = c.merchant_id and e.livemode = c.livemode and e.reference = c.reference and e.id < c.id);

alter table bank_credits drop constraint bank_credits_once;
create unique index bank_credits_once on bank_credits (merchant_id, livemode, bank_account, reference) where undone_at is null;
create index bank_credits_import on bank_credits (merchant_id, import_id);
drop index bank_credits_open;
create index bank_credits_open on bank_credits (merchant_id, channel_account_id, received_on) where match_id is null and undone_at is null;
