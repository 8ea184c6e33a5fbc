-- Whether a person's guardians are told when they walk an unusual way at night (haechi.domain.people.Person).
ALTER TABLE people ADD COLUMN night_walks boolean NOT NULL DEFAULT false;
