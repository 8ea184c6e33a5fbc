-- Who must never be told about a person, nor be linked to them: a court's order. A bar that was lifted stays on record.
CREATE TABLE guardian_bars (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id    uuid NOT NULL REFERENCES people,
    guardian     uuid NOT NULL REFERENCES guardians,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    barred_by    text NOT NULL,
    reason       text NOT NULL,
    lifted_at    timestamptz,
    lifted_by    text,
    lifted_words text
);
CREATE UNIQUE INDEX one_bar_at_a_time ON guardian_bars (person_id, guardian) WHERE lifted_at IS NULL;
CREATE INDEX ON guardian_bars (person_id, id);
