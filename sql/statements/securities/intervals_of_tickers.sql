-- Every interval under some tickers, whoever held them.
SELECT i.security_id, i.ticker, i.valid_from, i.valid_to, i.start_known, i.seen_from, i.seen_to, s.on_lists
FROM ticker_intervals AS i
JOIN securities AS s USING (security_id)
WHERE i.ticker = ANY (%(tickers)s::text[])
ORDER BY i.ticker, i.valid_from
