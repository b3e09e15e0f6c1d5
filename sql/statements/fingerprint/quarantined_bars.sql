SELECT q.ticker, q.session, q.security_id IS NOT NULL AS is_known, q.reason, q.row, q.source,
    q.resolved_at IS NOT NULL AS is_resolved, q.held
FROM quarantined_bars AS q
ORDER BY q.ticker COLLATE "C", q.session, q.row::text COLLATE "C", q.source
