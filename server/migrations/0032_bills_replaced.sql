-- Owner: recon. The channel's own bill that an uploaded one took the place of, because the person who is named as `imported_by` said so.
alter table bills add column replaces_id text collate "C";
alter table bills add constraint bills_replaces check (replaces_id is null or source = 'upload');
