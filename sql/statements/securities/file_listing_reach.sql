-- How far the files go that showed listings which no list has.
UPDATE ticker_intervals AS i SET shown_until = greatest(i.shown_until, %(last)s)
FROM securities AS s
WHERE s.security_id = i.security_id AND NOT s.on_lists AND i.ticker = ANY (%(tickers)s::text[]) AND i.valid_from <= %(last)s
    AND greatest(i.shown_until, %(last)s) IS DISTINCT FROM i.shown_until
