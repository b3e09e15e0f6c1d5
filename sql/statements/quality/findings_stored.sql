-- The findings of some rules about some securities (null: all) between two sessions, with the bar that is stored now.
SELECT a.security_id, a.session, a.rule, a.dataset, a.ticker, a.verdict, a.severity, a.cause, a.value, a.threshold,
    a.evidence, a.would_change, a.settled_by, a.state, a.withdrawn_at IS NOT NULL, a.alerted_as, a.decided_on,
    CASE WHEN b.security_id IS NOT NULL THEN jsonb_build_object(
        'open', b.open, 'high', b.high, 'low', b.low, 'close', b.close, 'volume', b.volume) END,
    EXISTS (
        SELECT FROM quarantined_bars AS q
        WHERE q.held AND (q.security_id, q.session) = (a.security_id, a.session))
FROM quality_anomalies AS a
LEFT JOIN ohlcv_daily AS b ON (b.security_id, b.session) = (a.security_id, a.session) AND NOT b.is_fmv
WHERE a.dataset = %(dataset)s AND a.session BETWEEN %(first)s AND %(last)s AND a.rule = ANY (%(rules)s::text[])
    AND (%(security_ids)s::bigint[] IS NULL OR a.security_id = ANY (%(security_ids)s::bigint[]))
ORDER BY a.session, a.rule, a.ticker COLLATE "C", a.security_id
