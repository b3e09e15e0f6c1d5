-- The securities that hold each ticker on some day of a span, with the days.
SELECT i.ticker, i.security_id, s.composite_figi, i.valid_from, i.valid_to
FROM ticker_intervals AS i
JOIN securities AS s USING (security_id)
WHERE i.valid_from <= %(last)s AND (i.valid_to IS NULL OR i.valid_to > %(first)s)
