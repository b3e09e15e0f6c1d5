-- All intervals of the newest holder of each ticker: the security that holds it, or held it last.
WITH newest AS (
    SELECT DISTINCT ON (ticker) ticker, security_id
    FROM ticker_intervals
    WHERE %(tickers)s::text[] IS NULL OR ticker = ANY (%(tickers)s::text[])
    ORDER BY ticker, valid_from DESC)
SELECT i.security_id, i.ticker, i.valid_from, i.valid_to, i.start_known, i.seen_from,
    i.expected_from, i.expected_to
FROM ticker_intervals AS i
WHERE i.security_id IN (SELECT security_id FROM newest)
ORDER BY i.security_id, i.valid_from
