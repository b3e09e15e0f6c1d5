-- Members of some universes (null: of every tracked one) with their days: lists on every day, by the newest holder of
-- each ticker; dated universes by their intervals as known now, between two sessions. With %(stated)s, none before the
-- universe's first session. Of one market; leaves out types that are not processed.
WITH chosen AS (
    SELECT key, membership, CASE WHEN %(stated)s THEN track_from ELSE '1900-01-01' END AS begins
    FROM cache_entries
    WHERE CASE WHEN %(universes)s::text[] IS NULL THEN track ELSE key = ANY (%(universes)s::text[]) END
)
SELECT m.security_id, m.valid_from, m.valid_to
FROM (
    SELECT s.security_id, c.begins AS valid_from, NULL::date AS valid_to
    FROM static_members AS s
    JOIN chosen AS c ON c.key = s.universe
    WHERE s.security_id IS NOT NULL
    UNION
    SELECT m.security_id, greatest(m.valid_from, c.begins), m.valid_to
    FROM universe_memberships AS m
    JOIN chosen AS c ON c.key = m.universe AND c.membership = 'dated'
    WHERE m.known_to IS NULL AND meets(m.valid_from, m.valid_to, %(first)s, %(last)s)
        AND (m.valid_to IS NULL OR m.valid_to > c.begins)) AS m
JOIN securities AS of_market USING (security_id)
WHERE m.valid_from <= %(last)s
    AND in_market(of_market.primary_exchange, %(market)s, %(abroad)s::text[])
    AND NOT EXISTS (
        SELECT FROM securities_processing AS p WHERE p.security_id = m.security_id AND p.update_frequency = 'none')
ORDER BY m.security_id, m.valid_from
