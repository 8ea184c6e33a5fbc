-- Where people were: every accepted position once, written by `analytics.archive` and by nobody else. One partition a day
-- of UTC (trail_20261125), made ahead by that process and dropped at the longest retention (haechi/store/trail_days.py).
-- No row refers to `people`: erasing a person removes theirs by (person, at).
CREATE TABLE trail (
    person      uuid NOT NULL,              -- people.id
    at          timestamptz NOT NULL,       -- event time: when the device was there
    device      bigint NOT NULL,            -- haechi.ids.device_mark: a device's id opens the door, so none is kept here
    received_at timestamptz NOT NULL,       -- when our door had it; late is what came after a newer one of its device
    lon         double precision NOT NULL,  -- degrees, WGS84
    lat         double precision NOT NULL,
    accuracy_m  real,                       -- NULL is unknown, here and below
    speed       real,                       -- m/s
    course      real,                       -- degrees from north
    battery     real,                       -- percent
    PRIMARY KEY (person, at, device)        -- a replay, and a device that sends a fix twice, adds nothing
) PARTITION BY RANGE (at);
