-- The security that printed under a ticker on a session, or whose ticker it is or was last; with its ticker on the session.
SELECT h.security_id, coalesce(i.ticker, %(ticker)s), i.ticker IS NOT NULL
FROM (
    SELECT t.security_id, 1 AS rank FROM ticker_intervals AS t
    WHERE t.ticker = %(ticker)s AND t.valid_from <= %(session)s AND (t.valid_to IS NULL OR t.valid_to > %(session)s)
    UNION ALL
    SELECT n.security_id, 2 FROM newest_holder(%(ticker)s) AS n) AS h
LEFT JOIN ticker_intervals AS i
    ON i.security_id = h.security_id AND i.valid_from <= %(session)s
    AND (i.valid_to IS NULL OR i.valid_to > %(session)s)
WHERE h.security_id IS NOT NULL
ORDER BY h.rank
LIMIT 1
