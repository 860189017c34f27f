-- Exceptions that are opened again: they grow old anew, and take from suspense what two persons wrote there only with two.

-- Owner: recon. Since when it is open, where it was closed before.
alter table recon_exceptions add column reopened_at timestamptz;
drop index recon_exceptions_ageing;
create index recon_exceptions_ageing on recon_exceptions (coalesce(reopened_at, opened_at)) where closed_at is null and aged_at is null;

-- Owner: recon. Housekeeping reads what a dead node left half-way, and what waits for a payment that was completed since.
create index recon_exceptions_decided on recon_exceptions (opened_at) where closed_at is null and state in ('repaired', 'accepted', 'suspense');
create index recon_exceptions_completing on recon_exceptions (merchant_id, channel_account_id) where closed_at is null and proposal in ('complete_payment', 'complete_refund');

alter table recon_exceptions drop constraint recon_exceptions_decision_check;
alter table recon_exceptions add constraint recon_exceptions_decision_check check (decision in ('repair', 'accept', 'suspend', 'reopen'));
