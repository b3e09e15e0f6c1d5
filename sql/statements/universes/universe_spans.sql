-- Members of some universes (null: of every tracked one) with their days: lists on every day, by the newest holder of
-- each ticker; dated universes by their intervals as known now, between two sessions. With %(stated)s, none before the
-- universe's first session. Of one market; leaves out types that are not processed. A theme comes with what its funds are
-- compared with: the references of the theme (%(themes)s, %(references)s), and those that its members are known to have.
WITH chosen AS (
    SELECT key, membership, type, universe_category AS theme, CASE WHEN %(stated)s THEN track_from ELSE '1900-01-01' END AS begins
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
        AND (m.valid_to IS NULL OR m.valid_to > c.begins)
    UNION
    SELECT h.security_id, c.begins, NULL
    FROM chosen AS c
    JOIN unnest(%(themes)s::text[], %(references)s::text[]) AS r (theme, ticker) ON r.theme = c.theme
    CROSS JOIN LATERAL newest_holder(r.ticker) AS h
    WHERE c.type = 'theme'
    UNION
    SELECT h.security_id, c.begins, NULL
    FROM chosen AS c
    JOIN universe_memberships AS m ON m.universe = c.key
    JOIN securities AS f ON f.security_id = m.security_id
    CROSS JOIN LATERAL newest_holder(f.correlation_reference) AS h
    WHERE c.type = 'theme' AND m.known_to IS NULL AND meets(m.valid_from, m.valid_to, %(first)s, %(last)s)) AS m
JOIN securities AS of_market USING (security_id)
WHERE m.valid_from <= %(last)s
    AND in_market(of_market.primary_exchange, %(market)s, %(abroad)s::text[])
    -- As securities_processing says it, but looked up by type instead of by security.
    AND CASE WHEN of_market.equity_type IN (SELECT equity_type FROM equity_types) THEN of_market.equity_type
        ELSE 'OTHER' END NOT IN (SELECT equity_type FROM equity_types WHERE update_frequency = 'none')
ORDER BY m.security_id, m.valid_from
