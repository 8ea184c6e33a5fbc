-- Zones that are forbidden, that several people share, that rest on holidays, that tell of arriving and leaving, and where
-- somebody is expected. The fields are those of haechi.domain.people.SafeZone.
ALTER TABLE safe_zones
    ADD COLUMN kind        text NOT NULL DEFAULT 'safe' CHECK (kind IN ('safe', 'forbidden')),
    ADD COLUMN person_ids  uuid[] NOT NULL DEFAULT '{}',  -- beside person_id; everyone's where both are empty
    ADD COLUMN holidays    date[] NOT NULL DEFAULT '{}',
    ADD COLUMN notices     boolean NOT NULL DEFAULT false,
    ADD COLUMN expected_by time;
