SELECT count(*) FROM bar_gaps AS g
WHERE NOT g.is_final AND g.security_id IN (
    SELECT security_id FROM ticker_intervals WHERE ticker = ANY (%(tickers)s::text[]))
