-- An import, an export, an erasure and every look at a place ask for the devices of one person.
CREATE INDEX devices_of_person ON devices (person_id);
