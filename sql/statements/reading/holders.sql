-- The security that holds each ticker now, or held it last; null where none ever did.
SELECT asked.ticker, held.security_id
FROM unnest(%(tickers)s::text[]) AS asked (ticker)
LEFT JOIN LATERAL newest_holder(asked.ticker) AS held ON true
