-- The looks that were answered: their days, and when they were asked. A null source is any.
SELECT s.first_session, s.last_session, least(s.started_at, d.started_at)
FROM work_units AS s
JOIN work_units AS d USING (market, source, subject, first_session, last_session)
WHERE s.market = %(market)s AND s.kind = 'splits' AND s.status = 'done' AND d.kind = 'dividends' AND d.status = 'done'
    AND (%(source)s::text IS NULL OR s.source = %(source)s)
