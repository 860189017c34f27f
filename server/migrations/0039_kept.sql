-- Owner: payments. What was decided about duplicate or late money stays decided when the merchant's policy changes. Null of all other
-- attempts, and of money that was decided about before this column was there. No old row can break the check, so none is read for it.
alter table attempts
  add column kept boolean,
  add constraint attempts_kept check (kept is null or disposition = 'duplicate' or (disposition = 'late' and not kept)) not valid;
