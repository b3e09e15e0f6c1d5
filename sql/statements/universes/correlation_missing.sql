-- Complete sessions between two days that have no correlation at all.
SELECT DISTINCT u.first_session
FROM work_units AS u
WHERE u.dataset = 'ohlcv_daily' AND u.kind = 'session' AND u.market = %(market)s AND u.status = 'done'
    AND u.first_session BETWEEN %(first)s AND %(last)s
    AND NOT EXISTS (SELECT FROM etf_correlations AS c WHERE c.session = u.first_session)
ORDER BY u.first_session
