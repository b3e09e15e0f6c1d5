-- The good answers about sessions between two dates: of every ticker (*) or of one of some.
SELECT subject, first_session, last_session
FROM work_units
WHERE dataset = 'ohlcv_daily' AND market = %(market)s AND source = %(source)s AND status = 'done'
    AND kind IN ('range', 'grouped', 'flat_file')
    AND first_session <= %(last)s AND last_session >= %(first)s
    AND (subject = '*' OR subject = ANY (%(tickers)s::text[]))
