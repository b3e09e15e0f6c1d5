-- The tickers to look for when some universes (null: every tracked one) are loaded between two sessions: the lists'
-- own, and the last one of each security that is a member of a dated universe then. Each once, in the order of its
-- first universe and of its place in it; types that are not processed are left out.
WITH chosen AS (
    SELECT key, membership, value FROM cache_entries
    WHERE CASE WHEN %(universes)s::text[] IS NULL THEN track ELSE key = ANY (%(universes)s::text[]) END
), named AS (
    SELECT member.ticker, c.key, member.position
    FROM chosen AS c CROSS JOIN LATERAL jsonb_array_elements_text(c.value) WITH ORDINALITY AS member (ticker, position)
    WHERE c.membership = 'static'
    UNION ALL
    SELECT s.symbol, m.universe, row_number() OVER (PARTITION BY m.universe ORDER BY m.valid_from, s.symbol COLLATE "C")
    FROM universe_memberships AS m
    JOIN symbols AS s USING (security_id)
    WHERE m.known_to IS NULL AND m.universe IN (SELECT key FROM chosen WHERE membership = 'dated')
        AND m.valid_from <= %(last)s AND (m.valid_to IS NULL OR m.valid_to > %(first)s)
), idle AS (
    SELECT held.ticker
    FROM (
        SELECT DISTINCT ON (i.ticker) i.ticker, i.security_id
        FROM ticker_intervals AS i
        WHERE i.ticker IN (SELECT ticker FROM named)
        ORDER BY i.ticker, i.valid_from DESC) AS held
    JOIN securities_processing AS p USING (security_id)
    WHERE p.update_frequency = 'none')
SELECT ticker
FROM (SELECT DISTINCT ON (ticker) ticker, key, position FROM named ORDER BY ticker, key, position) AS firsts
WHERE ticker NOT IN (SELECT ticker FROM idle)
ORDER BY key, position
