-- The units about daily bars of some sessions; those of one ticker with the security that held it on their last session.
SELECT u.unit_id, u.kind, u.subject, u.first_session, u.last_session, i.security_id
FROM work_units AS u
LEFT JOIN ticker_intervals AS i ON i.ticker = u.subject AND covers(i.valid_from, i.valid_to, u.last_session)
WHERE u.dataset = 'ohlcv_daily' AND u.status <> 'cancelled'
    AND u.last_session >= %(first)s AND u.first_session <= %(last)s
ORDER BY u.last_session DESC, u.unit_id
