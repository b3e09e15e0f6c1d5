-- Sessions due for a reconcile: with provisional bars, or with gaps that were late.
SELECT session, sum(provisional)::bigint, sum(late)::bigint
FROM (
    SELECT session, count(*) AS provisional, 0 AS late FROM ohlcv_daily
    WHERE session BETWEEN %(first)s AND %(last)s AND status = 'provisional' AND NOT is_fmv
    GROUP BY session
    UNION ALL
    SELECT session, 0, count(*) FROM bar_gaps
    WHERE session BETWEEN %(first)s AND %(last)s AND reason = 'vendor_late'
    GROUP BY session
) AS open_cells
GROUP BY session
ORDER BY session
