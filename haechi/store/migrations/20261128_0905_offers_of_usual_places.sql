-- When a usual place was offered to the guardians: once, and nothing is decided by it until one of them says yes.
ALTER TABLE usual_places ADD COLUMN offered_at timestamptz;
CREATE INDEX ON usual_places (person_id) WHERE state = 'proposed' AND offered_at IS NULL AND deleted_at IS NULL;
