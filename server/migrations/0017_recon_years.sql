-- Exceptions that were settled add up over the years, and no matching asks for them.

-- Owner: recon. What is open, or still stands between the two sides, of an account.
create index recon_exceptions_unsettled on recon_exceptions (merchant_id, channel_account_id) where closed_at is null or standing;
