-- How many securities printed on each of some sessions.
SELECT session, count(*) FROM ohlcv_daily
WHERE session = ANY (%(sessions)s::date[]) AND NOT is_fmv
GROUP BY session
