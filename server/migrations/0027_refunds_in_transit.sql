-- Refunds between a channel's acceptance and the payer's account.

-- Owner: payments. When the channel took the refund on; null where it never said so, as for all refunds before this column was there.
alter table refunds add column accepted_at timestamptz;

-- Owner: ledger. `transit`: the channel has taken the refund on. `transit_end`: and then did not carry it out.
alter table ledger_postings drop constraint ledger_postings_kind_check,
  add constraint ledger_postings_kind_check check (kind in ('payment', 'duplicate', 'late', 'refund', 'return', 'transit', 'transit_end', 'channel_fee', 'settlement',
    'suspense', 'commission', 'reversal'));
