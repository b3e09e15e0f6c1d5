-- The groups that listed securities belong to between two sessions ($1, $2), each with its days: universes (lists on
-- every day, for the newest holder of each ticker; dated ones as now known), ETF themes, equity types.
WITH members AS (
    SELECT s.universe AS key, s.security_id, '1900-01-01'::date AS valid_from, NULL::date AS valid_to
    FROM static_members AS s
    WHERE s.security_id IS NOT NULL
    UNION ALL
    SELECT m.universe, m.security_id, m.valid_from, m.valid_to
    FROM universe_memberships AS m
    WHERE m.known_to IS NULL AND meets(m.valid_from, m.valid_to, $1::date, $2::date)
), grouped AS (
    SELECT 'universe' AS kind, key AS name, security_id, valid_from, valid_to FROM members
    UNION ALL
    SELECT 'theme', coalesce(c.universe_category, c.key), m.security_id, m.valid_from, m.valid_to
    FROM members AS m JOIN cache_entries AS c USING (key)
    WHERE c.type = 'theme'
    UNION ALL
    SELECT 'type', coalesce(equity_type, 'unknown'), security_id, '1900-01-01', NULL FROM securities
)
SELECT g.kind, g.name, g.security_id,
    greatest(g.valid_from, i.expected_from) AS valid_from, least(g.valid_to, i.expected_to) AS valid_to
FROM grouped AS g
JOIN ticker_intervals AS i USING (security_id)
WHERE meets(i.expected_from, i.expected_to, $1::date, $2::date)
    AND (g.valid_to IS NULL OR i.expected_from < g.valid_to) AND (i.expected_to IS NULL OR g.valid_from < i.expected_to)
