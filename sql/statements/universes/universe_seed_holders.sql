-- The security that holds each ticker now, or held it last.
SELECT wanted.ticker, held.security_id
FROM unnest(%(tickers)s::text[]) AS wanted (ticker)
CROSS JOIN LATERAL newest_holder(wanted.ticker) AS held
