-- The state of every cell that has one: stored, final (no longer owed) or open (missing), and the reason of a gap.
SELECT security_id, session, 'stored' AS state, NULL::text AS reason FROM ohlcv_daily
WHERE session BETWEEN $1::date AND $2::date AND NOT is_fmv
UNION ALL
SELECT security_id, session, CASE WHEN is_final THEN 'final' ELSE 'open' END, reason FROM bar_gaps
WHERE session BETWEEN $1::date AND $2::date
