-- The tickers of one market that a load of some universes (null: every tracked one) between two sessions asks for: those
-- in the lists, and the last ticker of each member of a dated universe in that span. Each once, in the order of its first
-- universe and its place there, without types that are not processed. A theme comes with what its funds are compared
-- with, as in universe_spans.
WITH chosen AS (
    SELECT key, membership, type, universe_category AS theme FROM cache_entries
    WHERE CASE WHEN %(universes)s::text[] IS NULL THEN track ELSE key = ANY (%(universes)s::text[]) END
), named AS (
    SELECT s.ticker, s.universe AS key, s.position, s.security_id
    FROM static_members AS s
    WHERE s.universe IN (SELECT key FROM chosen)
    UNION ALL
    SELECT s.symbol, m.universe,
        row_number() OVER (PARTITION BY m.universe ORDER BY m.valid_from, s.symbol COLLATE "C"), h.security_id
    FROM universe_memberships AS m
    JOIN symbols AS s USING (security_id)
    LEFT JOIN LATERAL newest_holder(s.symbol) AS h ON true
    WHERE m.known_to IS NULL AND m.universe IN (SELECT key FROM chosen WHERE membership = 'dated')
        AND meets(m.valid_from, m.valid_to, %(first)s, %(last)s)
    UNION ALL
    SELECT r.ticker, c.key, 1000000, h.security_id
    FROM chosen AS c
    JOIN unnest(%(themes)s::text[], %(references)s::text[]) AS r (theme, ticker) ON r.theme = c.theme
    CROSS JOIN LATERAL newest_holder(r.ticker) AS h
    WHERE c.type = 'theme'
    UNION ALL
    SELECT f.correlation_reference, c.key, 1000000, h.security_id
    FROM chosen AS c
    JOIN universe_memberships AS m ON m.universe = c.key
    JOIN securities AS f USING (security_id)
    CROSS JOIN LATERAL newest_holder(f.correlation_reference) AS h
    WHERE c.type = 'theme' AND m.known_to IS NULL AND meets(m.valid_from, m.valid_to, %(first)s, %(last)s)
), firsts AS (
    SELECT DISTINCT ON (ticker) ticker, key, position, security_id FROM named ORDER BY ticker, key, position)
SELECT f.ticker
FROM firsts AS f
LEFT JOIN securities AS of_market USING (security_id)
WHERE in_market(of_market.primary_exchange, %(market)s, %(abroad)s::text[])
    -- As securities_processing says it, but looked up by type instead of by security.
    AND (f.security_id IS NULL OR CASE
        WHEN of_market.equity_type IN (SELECT equity_type FROM equity_types) THEN of_market.equity_type
        ELSE 'OTHER' END NOT IN (SELECT equity_type FROM equity_types WHERE update_frequency = 'none'))
ORDER BY f.key, f.position, f.ticker COLLATE "C"
