-- A window in which the next press of a person's button is a test; `alert_id` is the press that was it.
CREATE TABLE button_tests (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES people ON DELETE CASCADE,
    asked_by  text NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ends_at   timestamptz NOT NULL,
    alert_id  uuid
);
CREATE INDEX ON button_tests (person_id, id DESC);

-- When the guardians of a person are next asked whether a message reaches them: monthly, or when somebody asks.
CREATE TABLE phone_tests (
    person_id uuid PRIMARY KEY REFERENCES people ON DELETE CASCADE,
    due_at    timestamptz NOT NULL,
    asked_by  text                                           -- NULL: the month is over
);
CREATE INDEX ON phone_tests (due_at);
