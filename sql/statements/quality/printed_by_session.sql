-- How many of some securities (null: of all) printed on each of some sessions.
SELECT session, count(*) FROM ohlcv_daily
WHERE session = ANY (%(sessions)s::date[]) AND NOT is_fmv
    AND (%(security_ids)s::bigint[] IS NULL OR security_id = ANY (%(security_ids)s::bigint[]))
GROUP BY session
