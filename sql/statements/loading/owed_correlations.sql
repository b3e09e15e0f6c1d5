-- Complete sessions after the first one with correlations that have none.
SELECT DISTINCT u.first_session
FROM work_units AS u
WHERE u.kind = 'session' AND u.market = %(market)s AND u.status = 'done'
    AND u.first_session BETWEEN %(first)s AND %(last)s
    AND u.first_session > (SELECT min(c.session) FROM etf_correlations AS c)
    AND NOT EXISTS (SELECT FROM etf_correlations AS c WHERE c.session = u.first_session)
ORDER BY u.first_session
