-- Complete sessions since the first synchronised one whose universes were not synchronised.
SELECT DISTINCT u.first_session
FROM work_units AS u
WHERE u.kind = 'session' AND u.market = %(market)s AND u.status = 'done'
    AND u.first_session BETWEEN %(first)s AND %(last)s
    AND u.first_session >= (
        SELECT min(s.first_session) FROM work_units AS s
        WHERE s.kind = 'sync' AND s.market = u.market AND s.status = 'done')
    AND NOT EXISTS (
        SELECT FROM work_units AS s
        WHERE s.kind = 'sync' AND s.market = u.market AND s.first_session = u.first_session AND s.status = 'done')
ORDER BY u.first_session
