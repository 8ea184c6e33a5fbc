-- A zone of the kind `place` only tells of arriving and leaving: being there is not being safe, and leaving it no alarm.
ALTER TABLE safe_zones
    DROP CONSTRAINT safe_zones_kind_check,
    ADD CONSTRAINT safe_zones_kind_check CHECK (kind IN ('safe', 'forbidden', 'place'));
