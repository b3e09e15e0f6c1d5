-- Securities whose kept factors are not what recomputing them gives.
WITH wanted AS MATERIALIZED (
    SELECT a.security_id FROM corporate_actions AS a WHERE a.known_to IS NULL
    UNION
    SELECT f.security_id FROM adjustment_factors AS f
)
SELECT coalesce(t.ticker, 'security ' || w.security_id) || ': adjustment_factors are not what its actions and closes say', 1
FROM wanted AS w
LEFT JOIN adjustment_factors AS kept USING (security_id)
LEFT JOIN adjustment_series(ARRAY(SELECT security_id FROM wanted)) AS now USING (security_id)
LEFT JOIN LATERAL (
    SELECT i.ticker FROM ticker_intervals AS i
    WHERE i.security_id = w.security_id ORDER BY i.valid_from DESC LIMIT 1) AS t ON true
WHERE (kept.ex_dates, kept.split_factors, kept.dividend_factors, kept.close_dates, kept.pending_from)
    IS DISTINCT FROM (now.ex_dates, now.split_factors, now.dividend_factors, now.close_dates, now.pending_from)
ORDER BY 1
