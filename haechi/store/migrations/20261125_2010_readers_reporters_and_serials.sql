-- What a device is called by its maker, and the phrase with which OwnTracks encrypts (sealed, base 64).
ALTER TABLE devices ADD COLUMN serial text CHECK (length(serial) BETWEEN 1 AND 128);
ALTER TABLE devices ADD COLUMN encryption_key text;
CREATE UNIQUE INDEX one_device_per_serial ON devices (serial) WHERE deleted_at IS NULL;

CREATE TABLE readers (
    id         text PRIMARY KEY,              -- the unguessable id that it reports under
    district   text NOT NULL REFERENCES districts,
    name       text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('gate', 'bus-stop')),
    location   jsonb NOT NULL,                -- haechi.domain.geo.Point
    radius_m   double precision NOT NULL CHECK (radius_m > 0 AND radius_m <= 1000),
    version    bigint NOT NULL DEFAULT 1,
    changed    xid8 NOT NULL DEFAULT pg_current_xact_id(),
    deleted_at timestamptz
);

CREATE TABLE reporters (                      -- servers that report for registered devices of their district
    id         text PRIMARY KEY,              -- the token
    district   text NOT NULL REFERENCES districts,
    name       text NOT NULL,
    version    bigint NOT NULL DEFAULT 1,
    changed    xid8 NOT NULL DEFAULT pg_current_xact_id(),
    deleted_at timestamptz
);

CREATE TRIGGER readers_changed BEFORE INSERT OR UPDATE ON readers FOR EACH ROW EXECUTE FUNCTION registry_changed();
CREATE TRIGGER reporters_changed BEFORE INSERT OR UPDATE ON reporters FOR EACH ROW EXECUTE FUNCTION registry_changed();
CREATE INDEX ON readers (changed);
CREATE INDEX ON reporters (changed);
