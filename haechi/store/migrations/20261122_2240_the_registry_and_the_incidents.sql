-- Every registry row belongs to a district, carries a version, and is marked as deleted rather than removed, so that
-- change feeds see it go. `changed` is the writing transaction: feeds read what lies below pg_snapshot_xmin.

CREATE TABLE districts (
    id      text PRIMARY KEY,
    name    text NOT NULL,
    sample  boolean NOT NULL DEFAULT false  -- made by the demo, which refuses any other
);

CREATE TABLE users (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name          text NOT NULL UNIQUE,
    password_hash text NOT NULL,             -- argon2id
    disabled_at   timestamptz,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE grants (  -- rights are role x district
    user_id  uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    district text NOT NULL REFERENCES districts,
    role     text NOT NULL CHECK (role IN ('operator', 'dispatcher', 'supervisor', 'administrator', 'auditor')),
    PRIMARY KEY (user_id, district, role)
);

CREATE TABLE tokens (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    hash       bytea NOT NULL UNIQUE,        -- SHA-256 of the bearer token
    name       text NOT NULL,
    district   text NOT NULL REFERENCES districts,
    role       text NOT NULL CHECK (role IN ('operator', 'dispatcher', 'supervisor', 'administrator', 'auditor')),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz,
    revoked_at timestamptz
);

CREATE TABLE guardians (
    id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    district       text NOT NULL REFERENCES districts,
    name           text NOT NULL,
    phone          text,
    webhook_url    text,
    webhook_secret text,                     -- sealed with HAECHI_DATA_KEY, base 64
    language       text NOT NULL DEFAULT 'ko',
    version        bigint NOT NULL DEFAULT 1,
    changed        xid8 NOT NULL DEFAULT pg_current_xact_id(),
    deleted_at     timestamptz
);

CREATE TABLE agencies (
    id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    district       text NOT NULL REFERENCES districts,
    name           text NOT NULL,
    role           text NOT NULL CHECK (role IN ('police', 'fire', 'desk')),
    webhook_url    text NOT NULL,
    webhook_secret text NOT NULL,
    version        bigint NOT NULL DEFAULT 1,
    changed        xid8 NOT NULL DEFAULT pg_current_xact_id(),
    deleted_at     timestamptz
);

CREATE TABLE people (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    district     text NOT NULL REFERENCES districts,
    name         text NOT NULL,
    born         date NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('child', 'elder', 'other')),
    guardian_ids uuid[] NOT NULL DEFAULT '{}',  -- in order of call
    consent      jsonb,                         -- haechi.domain.people.Consent
    version      bigint NOT NULL DEFAULT 1,
    changed      xid8 NOT NULL DEFAULT pg_current_xact_id(),
    deleted_at   timestamptz
);

CREATE TABLE devices (
    id         text PRIMARY KEY,              -- the unguessable id that it reports under
    district   text NOT NULL REFERENCES districts,
    person_id  uuid NOT NULL REFERENCES people,
    kind       text NOT NULL CHECK (kind IN ('phone', 'watch', 'tag', 'tracker', 'button')),
    version    bigint NOT NULL DEFAULT 1,
    changed    xid8 NOT NULL DEFAULT pg_current_xact_id(),
    deleted_at timestamptz
);

CREATE TABLE safe_zones (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    district   text NOT NULL REFERENCES districts,
    person_id  uuid REFERENCES people,        -- NULL: everyone of the district
    name       text NOT NULL,
    area       jsonb NOT NULL,                -- haechi.domain.geo.Area
    schedule   jsonb NOT NULL DEFAULT '[]',   -- haechi.domain.schedule.Schedule
    version    bigint NOT NULL DEFAULT 1,
    changed    xid8 NOT NULL DEFAULT pg_current_xact_id(),
    deleted_at timestamptz
);

CREATE TABLE cameras (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    district   text NOT NULL REFERENCES districts,
    name       text NOT NULL,
    url        text NOT NULL,                 -- sealed, base 64: it may hold a password
    location   jsonb NOT NULL,                -- haechi.domain.geo.Point
    zones      jsonb NOT NULL DEFAULT '[]',   -- list of haechi.domain.video.CameraZone
    version    bigint NOT NULL DEFAULT 1,
    changed    xid8 NOT NULL DEFAULT pg_current_xact_id(),
    deleted_at timestamptz
);

CREATE TABLE sensors (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    district          text NOT NULL REFERENCES districts,
    name              text NOT NULL,
    observed_property text NOT NULL,
    unit              text NOT NULL,
    location          jsonb NOT NULL,         -- haechi.domain.geo.Point
    version           bigint NOT NULL DEFAULT 1,
    changed           xid8 NOT NULL DEFAULT pg_current_xact_id(),
    deleted_at        timestamptz
);

-- A new version and a hint on every change of a registry row.
CREATE FUNCTION registry_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        NEW.version := OLD.version + 1;
    END IF;
    NEW.changed := pg_current_xact_id();
    PERFORM pg_notify('registry', TG_TABLE_NAME);
    RETURN NEW;
END $$;

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['guardians', 'agencies', 'people', 'devices', 'safe_zones', 'cameras', 'sensors'] LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE INSERT OR UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION registry_changed()', t || '_changed', t);
        EXECUTE format('CREATE INDEX ON %I (changed)', t);
    END LOOP;
END $$;

CREATE SEQUENCE incident_numbers;                           -- what people say on the phone

CREATE TABLE incidents (
    id        uuid PRIMARY KEY,
    number    bigint NOT NULL UNIQUE,
    alert_id  uuid NOT NULL UNIQUE,                         -- the raise that opened it
    district  text NOT NULL REFERENCES districts,
    kind      text NOT NULL,
    subject   text NOT NULL,
    place     text NOT NULL,
    state     text NOT NULL,
    severity  smallint NOT NULL,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    version   bigint NOT NULL,
    body      jsonb NOT NULL,                               -- haechi.domain.alerting.Incident, whole
    changed   xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE UNIQUE INDEX one_open_incident ON incidents (kind, subject, place) WHERE state <> 'closed';
CREATE INDEX incidents_changed ON incidents (changed);
CREATE INDEX incidents_recent ON incidents (district, opened_at DESC);

CREATE TABLE applied_alerts (                               -- a repeated alert finds its incident, also a closed one
    alert_id    uuid NOT NULL,
    action      text NOT NULL,
    received_at timestamptz NOT NULL,                        -- tells the updates of one episode apart
    incident_id uuid NOT NULL REFERENCES incidents,
    PRIMARY KEY (alert_id, action, received_at)
);

CREATE TABLE incident_events (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id uuid NOT NULL REFERENCES incidents,
    at          timestamptz NOT NULL,
    kind        text NOT NULL,
    by          text NOT NULL,
    words       text NOT NULL DEFAULT ''
);
CREATE INDEX ON incident_events (incident_id, id);

CREATE TABLE deliveries (                                    -- the outbox
    id            text PRIMARY KEY,                          -- the webhook-id, the same across retries
    incident_id   uuid NOT NULL REFERENCES incidents,
    recipient     jsonb NOT NULL,                            -- haechi.domain.alerting.Recipient
    reason        text NOT NULL,                             -- opened, severity rose
    state         text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sending', 'delivered', 'failed', 'cancelled')),
    attempts      integer NOT NULL DEFAULT 0,
    severity      smallint NOT NULL,                         -- life safety is leased first
    due_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    leased_until  timestamptz,
    leased_by     text,
    first_attempt_at timestamptz,
    finished_at   timestamptz,
    last_error    text,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed       xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX deliveries_due ON deliveries (severity, due_at) WHERE state IN ('pending', 'sending');
CREATE INDEX ON deliveries (incident_id);
CREATE INDEX ON deliveries (changed);

CREATE TABLE alert_inbox (                                   -- the second road of an SOS
    id          text PRIMARY KEY,                            -- the call's id
    call        bytea NOT NULL,                              -- haechi.domain.wire.URGENT
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at     timestamptz,
    error       text
);
CREATE INDEX alert_inbox_open ON alert_inbox (received_at) WHERE done_at IS NULL;

CREATE TABLE evidence_references (                           -- an object goes only when neither is left
    sha256      text NOT NULL,
    owner       text NOT NULL,                               -- incident:<id>, camera:<id>
    expires_at  timestamptz,
    PRIMARY KEY (sha256, owner)
);
CREATE TABLE evidence_locks (
    sha256   text NOT NULL,
    by       text NOT NULL,
    reason   text NOT NULL,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (sha256, by)
);

CREATE TABLE audit (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    district text,
    who      text NOT NULL,
    what     text NOT NULL,
    subject  text NOT NULL,
    reason   text NOT NULL DEFAULT ''
);
CREATE INDEX ON audit (district, at DESC);
