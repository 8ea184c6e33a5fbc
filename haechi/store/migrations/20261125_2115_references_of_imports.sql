-- The reference under which an office keeps a person: the natural key of an import, so that a file may be read again.
CREATE TABLE people_refs (
    district  text NOT NULL REFERENCES districts,
    ref       text NOT NULL,
    person_id uuid NOT NULL UNIQUE REFERENCES people,
    PRIMARY KEY (district, ref)
);
