-- The first session that was declared complete, and all of them.
SELECT min(first_session), coalesce(array_agg(DISTINCT first_session), '{}') FROM work_units
WHERE dataset = 'ohlcv_daily' AND kind = 'session' AND market = %(market)s AND status = 'done'
