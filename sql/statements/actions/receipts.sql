-- The looks whose splits and dividends were both answered: their days, and when they were asked. A null source is any.
SELECT u.first_session, u.last_session, min(u.started_at)
FROM work_units AS u
WHERE u.market = %(market)s AND u.kind IN ('splits', 'dividends') AND u.status = 'done'
    AND (%(source)s::text IS NULL OR u.source = %(source)s)
GROUP BY u.source, u.first_session, u.last_session
HAVING count(*) = 2
