-- A place that was sent to police or fire is on the person's list of looks, too.
DROP INDEX audit_looks;
CREATE INDEX audit_looks ON audit (subject, id DESC)
    WHERE what IN ('saw the place', 'followed the place', 'disclosed the place');
