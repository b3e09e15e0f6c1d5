-- Members of every dated universe before the synchronisation of a session, as known now: those of the day before, or where
-- a person determined the session itself, those of that determination, so that they are neither undone nor counted as
-- leaving. As known at that moment: what the synchronisation determined afterwards must not change what it starts from.
WITH by_hand AS (
    SELECT d.universe, max(d.determined_at) AS at FROM universe_determinations AS d
    WHERE d.session = %(session)s AND d.task <> ALL (%(tasks)s::text[])
    GROUP BY d.universe)
SELECT m.universe, m.security_id
FROM universe_memberships AS m
LEFT JOIN by_hand AS h USING (universe)
WHERE CASE WHEN h.at IS NULL
    THEN m.known_to IS NULL AND covers(m.valid_from, m.valid_to, %(before)s)
    ELSE m.known_from <= h.at AND (m.known_to IS NULL OR m.known_to > h.at)
        AND covers(m.valid_from, m.valid_to, %(session)s) END
