-- The security that holds each ticker now, or held it last.
SELECT wanted.ticker, held.security_id
FROM unnest(%(tickers)s::text[]) AS wanted (ticker)
CROSS JOIN LATERAL (
    SELECT i.security_id FROM ticker_intervals AS i
    WHERE i.ticker = wanted.ticker ORDER BY i.valid_from DESC LIMIT 1) AS held
