-- Who reads a file, and what persons agreed on: two guards of reconciliation.

-- Owner: recon. How often somebody began to read the file. Whoever writes its lines holds the row and has seen this number
-- last, so of any number of readers one writes, and one that was thought dead writes nothing any more.
alter table bills add column reads integer not null default 1 check (reads >= 1);

-- Owner: recon. What the approvals are for: two persons who agreed on a repair did not agree on accepting the difference.
alter table recon_exceptions add column decision text check (decision in ('repair', 'accept', 'suspend'));
