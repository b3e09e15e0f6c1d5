-- Members of a universe on a session, as known at a moment (null: as known now), under the ticker of that session; a null
-- ticker was not listed then. A list names securities by the ticker that they hold, or held last.
SELECT m.security_id, t.ticker, m.valid_from, m.valid_to, m.known_from
FROM universe_memberships AS m
LEFT JOIN ticker_intervals AS t ON t.security_id = m.security_id
    AND t.valid_from <= %(session)s AND (t.valid_to IS NULL OR t.valid_to > %(session)s)
WHERE m.universe = %(universe)s
    AND m.valid_from <= %(session)s AND (m.valid_to IS NULL OR m.valid_to > %(session)s)
    AND CASE WHEN %(known_at)s::timestamptz IS NULL THEN m.known_to IS NULL
        ELSE m.known_from <= %(known_at)s AND (m.known_to IS NULL OR m.known_to > %(known_at)s) END
UNION ALL
SELECT held.security_id, t.ticker, DATE '1900-01-01', NULL, coalesce(c.last_universe_update, c.created_at)
FROM cache_entries AS c
CROSS JOIN LATERAL jsonb_array_elements_text(c.value) AS member (ticker)
CROSS JOIN LATERAL (
    SELECT i.security_id FROM ticker_intervals AS i
    WHERE i.ticker = member.ticker ORDER BY i.valid_from DESC LIMIT 1) AS held
LEFT JOIN ticker_intervals AS t ON t.security_id = held.security_id
    AND t.valid_from <= %(session)s AND (t.valid_to IS NULL OR t.valid_to > %(session)s)
WHERE c.key = %(universe)s AND c.membership = 'static'
