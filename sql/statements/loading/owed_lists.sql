-- The latest session, where no list of the last week says which security holds which ticker; and there was one before.
SELECT %(last)s::date
FROM work_units AS u
WHERE u.kind = 'listings' AND u.market = %(market)s AND u.status = 'done' AND NOT starts_with(u.source, 'files')
HAVING max(u.last_session) < %(last)s::date - 7
