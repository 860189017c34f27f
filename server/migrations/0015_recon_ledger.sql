-- What reconciliation comes to is posted: the fee that a bill names, and differences that a person writes to suspense. Each row
-- names the posting that stands for it now, so that it is posted once and undone by naming it.

-- Owner: recon. The posting of the fee of a current trade bill; none where the bill has no fee, or another bill took its place.
alter table bills add column fee_posting_id text collate "C";

-- Owner: recon. The posting of a difference that stands in suspense.
alter table recon_exceptions add column posting_id text collate "C";
create index recon_exceptions_posted on recon_exceptions (merchant_id, channel_account_id) where posting_id is not null;
