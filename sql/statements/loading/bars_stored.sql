-- How many of some securities (separated by commas) have a printed bar on a session.
SELECT count(*) FROM ohlcv_daily
WHERE session = %(session)s AND NOT is_fmv AND security_id = ANY (string_to_array(%(security_ids)s, ',')::bigint[])
