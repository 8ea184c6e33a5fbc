-- A device's cancel says not of what: it is kept for the SOS and for each of its kin. What was kept so far was of an SOS.
ALTER TABLE early_cancels ADD COLUMN kind text NOT NULL DEFAULT 'sos';
ALTER TABLE early_cancels ALTER COLUMN kind DROP DEFAULT;
ALTER TABLE early_cancels DROP CONSTRAINT early_cancels_pkey, ADD PRIMARY KEY (subject, kind);
