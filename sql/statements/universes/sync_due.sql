-- Complete sessions whose universes have not been synchronised yet, oldest first.
SELECT u.first_session
FROM work_units AS u
WHERE u.dataset = 'ohlcv_daily' AND u.kind = 'session' AND u.market = %(market)s AND u.status = 'done' AND NOT EXISTS (
    SELECT FROM work_units AS s
    WHERE s.kind = 'sync' AND s.market = u.market AND s.first_session = u.first_session AND s.status = 'done')
GROUP BY u.first_session
ORDER BY u.first_session
