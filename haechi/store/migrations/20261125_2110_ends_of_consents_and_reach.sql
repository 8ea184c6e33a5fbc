-- When the consent of a person ends, for the job that warns of it and then takes it away.
ALTER TABLE people ADD COLUMN consent_ends_at timestamptz;
UPDATE people SET consent_ends_at = (consent->>'expires_at')::timestamptz WHERE consent->>'expires_at' IS NOT NULL;
CREATE FUNCTION consent_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.consent_ends_at := (NEW.consent->>'expires_at')::timestamptz;
    RETURN NEW;
END $$;
CREATE TRIGGER people_consent_ends BEFORE INSERT OR UPDATE OF consent ON people
    FOR EACH ROW EXECUTE FUNCTION consent_ends();
DROP INDEX people_consent_ends;
CREATE INDEX people_consent_ends ON people (consent_ends_at) WHERE deleted_at IS NULL;

-- Who was reached, and when last.
CREATE INDEX deliveries_reached ON deliveries ((recipient->>'id'), finished_at) WHERE state = 'delivered';
CREATE INDEX incidents_subject ON incidents (subject, opened_at DESC);
