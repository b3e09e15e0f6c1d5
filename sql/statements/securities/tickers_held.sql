-- Those of some tickers that a list of the vendor has, each with its newest holder.
SELECT DISTINCT ON (ticker) ticker, security_id
FROM ticker_intervals
WHERE ticker = ANY (%(tickers)s::text[])
ORDER BY ticker, valid_from DESC
