-- Members of a universe on a session, as known at a moment (null: as known now), under the ticker of that session, null
-- for a security that was not listed then. A ticker in a list stands for the security that holds it, or held it last.
-- A member since the start has no first session.
SELECT m.security_id, t.ticker, nullif(m.valid_from, DATE '1900-01-01'), m.valid_to, m.known_from
FROM universe_memberships AS m
LEFT JOIN ticker_intervals AS t ON t.security_id = m.security_id
    AND covers(t.valid_from, t.valid_to, %(session)s)
WHERE m.universe = %(universe)s
    AND covers(m.valid_from, m.valid_to, %(session)s)
    AND CASE WHEN %(known_at)s::timestamptz IS NULL THEN m.known_to IS NULL
        ELSE m.known_from <= %(known_at)s AND (m.known_to IS NULL OR m.known_to > %(known_at)s) END
UNION ALL
SELECT s.security_id, t.ticker, NULL, NULL, coalesce(c.last_universe_update, c.created_at)
FROM static_members AS s
JOIN cache_entries AS c ON c.key = s.universe
LEFT JOIN ticker_intervals AS t ON t.security_id = s.security_id
    AND covers(t.valid_from, t.valid_to, %(session)s)
WHERE s.universe = %(universe)s AND s.security_id IS NOT NULL
