-- Complete sessions after the first one with a quality report that have none.
SELECT DISTINCT u.first_session
FROM work_units AS u
WHERE u.kind = 'session' AND u.market = %(market)s AND u.status = 'done'
    AND u.first_session BETWEEN %(first)s AND %(last)s
    AND u.first_session > (SELECT min(r.session) FROM quality_reports AS r)
    AND NOT EXISTS (SELECT FROM quality_reports AS r WHERE r.session = u.first_session)
ORDER BY u.first_session
