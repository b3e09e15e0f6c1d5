-- Who is in some universes (null: in every tracked one) on which days: lists on every day, for the newest holder of each
-- ticker; dated universes by their intervals as now known, between two sessions. Types that are not processed are left
-- out.
WITH chosen AS (
    SELECT key, membership, value FROM cache_entries
    WHERE CASE WHEN %(universes)s::text[] IS NULL THEN track ELSE key = ANY (%(universes)s::text[]) END
), listed AS (
    SELECT DISTINCT member.ticker
    FROM chosen AS c CROSS JOIN LATERAL jsonb_array_elements_text(c.value) AS member (ticker)
    WHERE c.membership = 'static'
), held AS (
    SELECT DISTINCT ON (i.ticker) i.security_id
    FROM ticker_intervals AS i
    WHERE i.ticker IN (SELECT ticker FROM listed)
    ORDER BY i.ticker, i.valid_from DESC)
SELECT m.security_id, m.valid_from, m.valid_to
FROM (
    SELECT security_id, '1900-01-01'::date AS valid_from, NULL::date AS valid_to FROM held
    UNION
    SELECT m.security_id, m.valid_from, m.valid_to
    FROM universe_memberships AS m
    WHERE m.known_to IS NULL AND m.universe IN (SELECT key FROM chosen WHERE membership = 'dated')
        AND m.valid_from <= %(last)s AND (m.valid_to IS NULL OR m.valid_to > %(first)s)) AS m
WHERE NOT EXISTS (
    SELECT FROM securities_processing AS p WHERE p.security_id = m.security_id AND p.update_frequency = 'none')
ORDER BY m.security_id, m.valid_from
