-- A look at a person's place is an audit entry that also says in which role somebody looked, and what was shown.
ALTER TABLE audit ADD COLUMN role text NOT NULL DEFAULT '', ADD COLUMN shown text NOT NULL DEFAULT '';

-- The person's list of looks.
CREATE INDEX audit_looks ON audit (subject, id DESC) WHERE what IN ('saw the place', 'followed the place');

-- Whoever follows an incident's marker on a wall is one entry, however many sockets and processes show it.
CREATE UNIQUE INDEX audit_followed_once ON audit (subject, who, shown) WHERE what = 'followed the place';
