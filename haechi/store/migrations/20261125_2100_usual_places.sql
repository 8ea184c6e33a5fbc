-- Where somebody usually is, learned by night from the trail and proposed: nothing is decided by it until a person says
-- yes. A registry table: feeds follow it.
CREATE TABLE usual_places (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    district   text NOT NULL REFERENCES districts,
    person_id  uuid NOT NULL REFERENCES people,
    n          integer NOT NULL,                 -- the same place keeps its number
    point      jsonb NOT NULL,                   -- haechi.domain.geo.Point
    radius_m   double precision NOT NULL,
    days       integer NOT NULL,                 -- on how many of the last days somebody stayed there
    hours      smallint[] NOT NULL,              -- hours of the day, local, in which that is usual
    state      text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'accepted', 'declined')),
    seen_at    timestamptz NOT NULL,
    decided_at timestamptz,
    decided_by text,
    zone_id    uuid,
    version    bigint NOT NULL DEFAULT 1,
    changed    xid8 NOT NULL DEFAULT pg_current_xact_id(),
    deleted_at timestamptz,
    UNIQUE (person_id, n)
);
CREATE TRIGGER usual_places_changed BEFORE INSERT OR UPDATE ON usual_places FOR EACH ROW EXECUTE FUNCTION registry_changed();
CREATE INDEX ON usual_places (changed);

CREATE TABLE usual_places_learned (              -- a night that was interrupted goes on where it was
    person_id uuid PRIMARY KEY REFERENCES people ON DELETE CASCADE,
    at        timestamptz NOT NULL
);
