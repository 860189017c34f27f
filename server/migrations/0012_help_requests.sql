-- The payer's receipt and help (2C 客服): whoever holds the receipt of a payment may ask its merchant for help or for the money back.

-- Owner: cashier. What a payer asked and what the merchant did about it.
create table help_requests (
  merchant_id text collate "C" not null,
  id text collate "C" not null,
  livemode boolean not null,
  payment_id text collate "C" not null,
  kind text not null check (kind in ('question', 'refund')),
  state text not null check (state in ('opened', 'answered', 'refunded', 'closed')),
  -- The payer's words, how to reach the payer, and the merchant's answer: JSON, sealed.
  said_sealed bytea not null,
  refund_id text collate "C",
  created_at timestamptz not null,
  updated_at timestamptz not null,
  version integer not null check (version >= 1),
  primary key (merchant_id, id),
  constraint help_requests_refunded check ((state = 'refunded') = (refund_id is not null))
);
-- A payer waits for the answer to one question before the next, so pressing twice asks once.
create unique index help_requests_open on help_requests (merchant_id, payment_id) where state = 'opened';
create index help_requests_payment on help_requests (merchant_id, payment_id, id);
