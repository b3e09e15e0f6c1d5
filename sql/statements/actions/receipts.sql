-- The looks whose splits and dividends were both answered: their days, and when they were asked. A null source is any but
-- a file, which speaks for its own tickers alone.
SELECT u.first_session, u.last_session, min(u.started_at)
FROM work_units AS u
WHERE u.market = %(market)s AND u.kind IN ('splits', 'dividends') AND u.status = 'done'
    AND (u.source = %(source)s OR %(source)s::text IS NULL AND u.source NOT LIKE 'files%%')
GROUP BY u.source, u.first_session, u.last_session
HAVING count(*) = 2
