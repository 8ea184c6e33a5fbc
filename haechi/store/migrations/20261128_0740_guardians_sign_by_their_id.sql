-- What a guardian did was signed "NAME (guardian)". It is signed by the opaque id now, "guardian:ID", so that a name stands
-- where a row of the registry can take it away. Who signed is known by the messages that the incident sent; where it is not
-- (a name that was changed and is told nobody), "a guardian" did it.
CREATE TEMPORARY TABLE signed ON COMMIT DROP AS
SELECT DISTINCT ON (d.incident_id, d.recipient->>'name')
    d.incident_id, i.subject, d.recipient->>'name' || ' (guardian)' AS name, 'guardian:' || (d.recipient->>'id') AS signature
FROM deliveries d JOIN incidents i ON i.id = d.incident_id
WHERE d.recipient->>'kind' = 'guardian' AND d.recipient->>'name' <> ''
ORDER BY d.incident_id, d.recipient->>'name', d.created_at;
CREATE INDEX ON signed (incident_id, name);
CREATE INDEX ON signed (subject, name);
ANALYZE signed;

UPDATE incident_events e SET by = COALESCE(
    (SELECT s.signature FROM signed s WHERE s.incident_id = e.incident_id AND s.name = e.by), 'a guardian')
WHERE e.by LIKE '% (guardian)';
UPDATE incident_events SET words = regexp_replace(regexp_replace(words,
    'the test that .* \(guardian\) asked for', 'the test that a guardian asked for'),
    '^.* \(guardian\) says that', 'a guardian says that')
WHERE words LIKE '% (guardian) %';

UPDATE incidents i SET body = body || jsonb_strip_nulls(jsonb_build_object(
    'acknowledged_by', CASE WHEN body->>'acknowledged_by' LIKE '% (guardian)' THEN COALESCE(
        (SELECT s.signature FROM signed s WHERE s.incident_id = i.id AND s.name = body->>'acknowledged_by'), 'a guardian') END,
    'owner', CASE WHEN body->>'owner' LIKE '% (guardian)' THEN COALESCE(
        (SELECT s.signature FROM signed s WHERE s.incident_id = i.id AND s.name = body->>'owner'), 'a guardian') END,
    'closed_by', CASE WHEN body->>'closed_by' LIKE '% (guardian)' THEN COALESCE(
        (SELECT s.signature FROM signed s WHERE s.incident_id = i.id AND s.name = body->>'closed_by'), 'a guardian') END
)), changed = pg_current_xact_id()
WHERE body->>'acknowledged_by' LIKE '% (guardian)' OR body->>'owner' LIKE '% (guardian)' OR body->>'closed_by' LIKE '% (guardian)';
UPDATE incidents SET body = jsonb_set(body, '{because,words}', to_jsonb(regexp_replace(regexp_replace(body#>>'{because,words}',
    'the test that .* \(guardian\) asked for', 'the test that a guardian asked for'),
    '^.* \(guardian\) says that', 'a guardian says that')))
WHERE body#>>'{because,words}' LIKE '% (guardian) %';

-- A marker that was followed is one line for each pair of eyes: where two names were the same guardian's, the first has it.
WITH found AS (
    SELECT a.id, min(s.signature) AS signature FROM audit a
    LEFT JOIN signed s ON a.subject = 'people:' || s.subject AND s.name = a.who
    WHERE a.who LIKE '% (guardian)' GROUP BY a.id
), counted AS (
    SELECT a.id, f.signature, a.what,
        row_number() OVER (PARTITION BY a.subject, a.what, a.shown, f.signature ORDER BY a.id) AS n
    FROM found f JOIN audit a USING (id)
)
UPDATE audit a SET who = CASE
    WHEN c.signature IS NULL OR (c.what = 'followed the place' AND c.n > 1) THEN 'a guardian, ' || a.id
    ELSE c.signature END
FROM counted c WHERE c.id = a.id;
UPDATE button_tests SET asked_by = 'a guardian' WHERE asked_by LIKE '% (guardian)';

CREATE INDEX deliveries_guardian ON deliveries ((recipient->>'id')) WHERE recipient->>'kind' = 'guardian';
