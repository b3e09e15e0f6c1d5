-- The security that holds each ticker on a day.
SELECT i.ticker, i.security_id, s.composite_figi
FROM ticker_intervals AS i
JOIN securities AS s USING (security_id)
WHERE covers(i.valid_from, i.valid_to, %(on)s)
