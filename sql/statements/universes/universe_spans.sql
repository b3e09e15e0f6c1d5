-- Members of some universes (null: of every tracked one) with their days: lists on every day, by the newest holder of
-- each ticker; dated universes by their intervals as known now, between two sessions. Leaves out types that are not
-- processed.
WITH chosen AS (
    SELECT key, membership FROM cache_entries
    WHERE CASE WHEN %(universes)s::text[] IS NULL THEN track ELSE key = ANY (%(universes)s::text[]) END
)
SELECT m.security_id, m.valid_from, m.valid_to
FROM (
    SELECT s.security_id, '1900-01-01'::date AS valid_from, NULL::date AS valid_to
    FROM static_members AS s
    WHERE s.security_id IS NOT NULL AND s.universe IN (SELECT key FROM chosen)
    UNION
    SELECT m.security_id, m.valid_from, m.valid_to
    FROM universe_memberships AS m
    WHERE m.known_to IS NULL AND m.universe IN (SELECT key FROM chosen WHERE membership = 'dated')
        AND meets(m.valid_from, m.valid_to, %(first)s, %(last)s)) AS m
WHERE NOT EXISTS (
    SELECT FROM securities_processing AS p WHERE p.security_id = m.security_id AND p.update_frequency = 'none')
ORDER BY m.security_id, m.valid_from
