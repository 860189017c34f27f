-- A statement says how far it read and whether more may come of its days; a close of a book says who made it and over what.

-- Owner: settlement. The number of the book up to which it was read; whether its period was over and its days were closed.
alter table statements add column up_to_no bigint, add column provisional boolean, add column open_days integer;
alter table settlement_terms add column set_by text;

-- Owner: ledger. Days up to then that were not closed in reconciliation.
alter table ledger_closes add column closed_by text, add column open_days integer;

-- Owner: recon. Who agreed on the rate.
alter table recon_settings add column updated_by text;
