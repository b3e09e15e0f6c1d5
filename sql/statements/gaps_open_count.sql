SELECT count(*) FROM bar_gaps AS g
WHERE NOT g.is_final AND g.security_id IN (
    SELECT DISTINCT ON (ticker) security_id FROM ticker_intervals
    WHERE ticker = ANY (%(tickers)s::text[]) ORDER BY ticker, valid_from DESC)
