-- Owner: recon. Lines that came beside a bill and that nobody can put in our words yet (银联 ZME 差错明细): their columns as they
-- stand. Of each the matching makes an exception for a person; nothing of them is taken for money.
create table bill_adjustments (
  merchant_id text collate "C" not null,
  bill_id text collate "C" not null,
  line integer not null check (line >= 1),
  columns jsonb not null check (jsonb_typeof(columns) = 'array'),
  primary key (merchant_id, bill_id, line),
  foreign key (merchant_id, bill_id) references bills (merchant_id, id)
);
