-- Members of a universe between two sessions, with their days: a list has its members on every day.
SELECT security_id, NULL::date AS valid_from, NULL::date AS valid_to
FROM static_members
WHERE universe = %(universe)s AND security_id IS NOT NULL
UNION
SELECT m.security_id, m.valid_from, m.valid_to
FROM universe_memberships AS m
JOIN cache_entries AS c ON c.key = m.universe AND c.membership = 'dated'
WHERE m.universe = %(universe)s AND m.known_to IS NULL AND m.valid_from <= %(last)s
    AND (m.valid_to IS NULL OR m.valid_to > %(first)s)
