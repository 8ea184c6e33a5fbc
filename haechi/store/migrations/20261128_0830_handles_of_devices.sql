-- The id of a device, reader or reporter is its credential, and is told once. Afterwards a row is named by its handle
-- (haechi.ids.handle_of).
ALTER TABLE devices ADD COLUMN handle text GENERATED ALWAYS AS (encode(substr(sha256(decode(replace(id, '\', '\\'), 'escape')), 1, 8), 'hex')) STORED;
ALTER TABLE readers ADD COLUMN handle text GENERATED ALWAYS AS (encode(substr(sha256(decode(replace(id, '\', '\\'), 'escape')), 1, 8), 'hex')) STORED;
ALTER TABLE reporters ADD COLUMN handle text GENERATED ALWAYS AS (encode(substr(sha256(decode(replace(id, '\', '\\'), 'escape')), 1, 8), 'hex')) STORED;
CREATE INDEX ON devices (district, handle);
CREATE INDEX ON readers (district, handle);
CREATE INDEX ON reporters (district, handle);
