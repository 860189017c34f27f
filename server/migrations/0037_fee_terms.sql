-- Owner: recon. What a channel account has agreed on beyond a rate: a floor, a cap, so much for each payment, how the percentage is
-- rounded and whether refunds give a share back. In the form of `prices.terms`, of one tier; a flat rate stays where it is.
alter table recon_settings add column fee_terms jsonb check (jsonb_typeof(fee_terms) = 'object');
alter table recon_settings add constraint recon_settings_one_fee check (fee_rate_ppm is null or fee_terms is null);
