-- ETFs with a reference, and the names that show their home market.
SELECT s.security_id, i.ticker, s.correlation_reference, s.etf_type, s.name, s.underlying_index
FROM securities AS s
CROSS JOIN LATERAL (
    SELECT t.ticker FROM ticker_intervals AS t
    WHERE t.security_id = s.security_id ORDER BY t.valid_from DESC LIMIT 1) AS i
WHERE s.correlation_reference IS NOT NULL
ORDER BY s.security_id
