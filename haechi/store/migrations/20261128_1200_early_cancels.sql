-- A device's cancel that overtook its press by the other road, until the press comes. Without a place; the newest of each.
CREATE TABLE early_cancels (
    subject     text PRIMARY KEY,           -- people.id, or an unknown device
    at          timestamptz NOT NULL,       -- event time
    kept_at     timestamptz NOT NULL DEFAULT clock_timestamp(), -- a day later nobody waits for its press any more
    alert       jsonb NOT NULL              -- haechi.domain.alerting.Alert
);
