-- The securities that some are compared with: those of their references' tickers and of further tickers.
SELECT DISTINCT h.security_id
FROM (
    SELECT s.correlation_reference::text AS ticker FROM securities AS s
    WHERE s.security_id = ANY (%(security_ids)s::bigint[]) AND s.correlation_reference IS NOT NULL
    UNION
    SELECT unnest(%(tickers)s::text[])) AS t
CROSS JOIN LATERAL newest_holder(t.ticker) AS h
WHERE h.security_id IS NOT NULL
