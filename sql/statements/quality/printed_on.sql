-- How many of some securities printed on a session.
SELECT count(*) FROM ohlcv_daily
WHERE session = %(session)s AND NOT is_fmv AND security_id = ANY (%(security_ids)s::bigint[])
