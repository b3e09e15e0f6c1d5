-- Cells that need no call: stored bars, final gaps, and (when $3) open gaps that are not due yet.
SELECT security_id, session FROM ohlcv_daily
WHERE session BETWEEN $1::date AND $2::date AND NOT is_fmv
UNION ALL
SELECT security_id, session FROM bar_gaps
WHERE session BETWEEN $1::date AND $2::date AND (is_final OR ($3::boolean AND retry_at > $4::timestamptz))
