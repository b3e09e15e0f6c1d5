-- All that is known of a finding.
SELECT a.anomaly_id, a.security_id, a.session, a.ticker, a.rule, a.dataset, a.verdict, a.severity, a.cause, a.value,
    a.threshold, a.evidence, a.would_change, a.settled_by, a.state, a.decided_by, a.decided_why, a.decided_at,
    a.found_at, a.found_by, a.judged_at, a.withdrawn_at, a.alerted_at, a.alerted_as,
    EXISTS (
        SELECT FROM quarantined_bars AS q
        WHERE q.held AND (q.security_id, q.session) = (a.security_id, a.session)) AS bar_held
FROM quality_anomalies AS a
WHERE (a.security_id, a.session, a.rule, a.dataset) = (%(security_id)s, %(session)s, %(rule)s, %(dataset)s)
