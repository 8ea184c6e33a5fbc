-- Who gave consent, withdrew, paused or resumed it: only ever added to. `people.consent` is what it says from now on
-- (haechi.domain.consent.standing), for the processes that follow the registry.
CREATE TABLE consents (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id   uuid NOT NULL REFERENCES people,
    kind        text NOT NULL CHECK (kind IN ('given', 'withdrawn', 'paused', 'resumed')),
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),  -- written down; counts from here on
    decided_by  text NOT NULL,                                   -- the person or a guardian, by name
    recorded_by text NOT NULL,                                   -- the user or token
    guardian    uuid REFERENCES guardians,                       -- where it is one who is registered
    scopes      text[] NOT NULL DEFAULT '{}',
    starts_at   timestamptz CHECK (kind <> 'given' OR starts_at IS NOT NULL),
    ends_at     timestamptz,                                     -- of the consent, or of the pause
    words       text NOT NULL DEFAULT ''
);
CREATE INDEX ON consents (person_id, id);

CREATE FUNCTION only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- An erasure may take the names out, never the fact.
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - '{decided_by,words}'::text[] = to_jsonb(OLD) - '{decided_by,words}'::text[] THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is only ever added to', TG_TABLE_NAME;
END $$;
CREATE TRIGGER consents_only_added_to BEFORE UPDATE OR DELETE ON consents
    FOR EACH ROW EXECUTE FUNCTION only_added_to();

-- What was given so far becomes each ledger's first entry.
INSERT INTO consents (person_id, kind, at, decided_by, recorded_by, scopes, starts_at, ends_at)
SELECT id, 'given', least((consent->>'given_at')::timestamptz, clock_timestamp()), consent->>'given_by', 'migration',
       ARRAY(SELECT jsonb_array_elements_text(consent->'scopes')), (consent->>'given_at')::timestamptz,
       (consent->>'expires_at')::timestamptz
FROM people WHERE jsonb_typeof(consent) = 'object';

-- The end is looked for by the job that warns of it.
CREATE INDEX people_consent_ends ON people ((consent->>'expires_at')) WHERE deleted_at IS NULL;
