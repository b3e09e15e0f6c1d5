SELECT session, ticker, 'stored' AS state FROM ohlcv_daily
WHERE session BETWEEN $1::date AND $2::date AND NOT is_fmv
UNION ALL
SELECT session, ticker, CASE WHEN is_final THEN 'final' ELSE 'open' END FROM bar_gaps
WHERE session BETWEEN $1::date AND $2::date
