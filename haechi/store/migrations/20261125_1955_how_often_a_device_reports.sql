-- NULL: learned from what it sends.
ALTER TABLE devices ADD COLUMN cadence_s integer CHECK (cadence_s BETWEEN 5 AND 86400);
