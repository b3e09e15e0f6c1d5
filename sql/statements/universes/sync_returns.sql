-- Total-return closes of some securities on two sessions.
SELECT first.security_id, (last.total_return_close / first.total_return_close - 1)::float8 AS total_return
FROM ohlcv_daily_adjusted AS first
JOIN ohlcv_daily_adjusted AS last USING (security_id)
WHERE first.session = %(first)s AND last.session = %(last)s AND first.security_id = ANY (%(security_ids)s::bigint[])
    AND last.security_id = ANY (%(security_ids)s::bigint[])
