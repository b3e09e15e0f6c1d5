-- Cells with a printed bar; `restatable`: it came from another content of files than this source.
SELECT security_id, session, source LIKE 'files:%' AND source <> $3::text AS restatable
FROM ohlcv_daily
WHERE session BETWEEN $1::date AND $2::date AND NOT is_fmv
