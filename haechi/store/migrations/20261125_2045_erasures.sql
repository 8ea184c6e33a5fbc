-- The receipts of erasures. `body` is haechi.domain.erasure.Erasure; it holds no personal data but the opaque id.
CREATE TABLE erasures (
    id     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    person uuid NOT NULL UNIQUE REFERENCES people,
    due_at timestamptz,                      -- when to look again; NULL: nothing is left
    body   jsonb NOT NULL
);
CREATE INDEX erasures_due ON erasures (due_at) WHERE due_at IS NOT NULL;
