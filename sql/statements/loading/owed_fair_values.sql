-- Sessions of a market on which a security did not trade and has no value, though it printed since the day (`reaches`)
-- that an estimate looks back to; `days` and `reaches` belong together. Ascending.
WITH unvalued AS (
    SELECT DISTINCT g.session
    FROM bar_gaps AS g
    WHERE g.is_final AND g.session BETWEEN %(first)s AND %(last)s
        AND NOT EXISTS (
            SELECT FROM fair_values AS f WHERE (f.security_id, f.session) = (g.security_id, g.session))
)
SELECT d.session
FROM unnest(%(days)s::date[], %(reaches)s::date[]) AS d (session, reach)
JOIN unvalued USING (session)
-- The first such cell is enough: a limit stops there, where EXISTS would be planned as a join over all of them.
CROSS JOIN LATERAL (
    SELECT
    FROM bar_gaps AS g
    JOIN securities AS s USING (security_id)
    WHERE g.session = d.session AND g.is_final AND in_market(s.primary_exchange, %(market)s, %(abroad)s::text[])
        AND NOT EXISTS (
            SELECT FROM fair_values AS f WHERE (f.security_id, f.session) = (g.security_id, g.session))
        AND EXISTS (
            SELECT FROM ohlcv_daily AS b
            WHERE b.security_id = g.security_id AND b.session >= d.reach AND b.session < d.session AND NOT b.is_fmv)
    LIMIT 1) AS cell
ORDER BY d.session
