-- Cells with a printed bar.
SELECT security_id, session FROM ohlcv_daily
WHERE session BETWEEN $1::date AND $2::date AND NOT is_fmv
