-- Bars between two sessions that are not stored, of cells without a printed bar, the newest of each cell: what a load
-- refused, with its reason; and what was set aside by the rule about levels of prices alone, and no person confirmed.
SELECT DISTINCT ON (q.security_id, q.session) q.security_id, q.session, q.ticker, (q.row ->> 'open')::float8,
    (q.row ->> 'high')::float8, (q.row ->> 'low')::float8, (q.row ->> 'close')::float8, (q.row ->> 'volume')::float8,
    CASE WHEN NOT q.held THEN q.reason END
FROM quarantined_bars AS q
WHERE q.resolved_at IS NULL AND q.security_id = ANY (%(security_ids)s::bigint[])
    AND q.session BETWEEN %(first)s AND %(last)s
    AND NOT EXISTS (
        SELECT FROM ohlcv_daily AS b
        WHERE (b.security_id, b.session) = (q.security_id, q.session) AND NOT b.is_fmv)
    AND (NOT q.held OR (
        SELECT array_agg(DISTINCT a.rule || ' ' || a.state) = '{scale_break open}'
        FROM quality_anomalies AS a
        WHERE (a.security_id, a.session) = (q.security_id, q.session) AND a.verdict = 'wrong'))
ORDER BY q.security_id, q.session, q.quarantined_at DESC, q.quarantine_id DESC
