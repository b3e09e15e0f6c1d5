-- Findings that a person asks for; null: whichever. The newest session first, in it the worst verdict.
SELECT a.anomaly_id, a.session, a.ticker, a.rule, a.dataset, a.verdict, a.severity, a.state, a.value, a.threshold,
    a.cause, a.withdrawn_at IS NOT NULL AS withdrawn, a.found_at
FROM quality_anomalies AS a
WHERE (%(session)s::date IS NULL OR a.session = %(session)s)
    AND (%(rule)s::text IS NULL OR a.rule = %(rule)s)
    AND (%(verdict)s::text IS NULL OR a.verdict = %(verdict)s)
    AND (%(state)s::text IS NULL OR a.state = %(state)s)
    AND (%(ticker)s::text IS NULL OR a.ticker = %(ticker)s
        OR a.security_id IN (SELECT h.security_id FROM newest_holder(%(ticker)s) AS h))
    AND (%(withdrawn)s OR a.withdrawn_at IS NULL)
ORDER BY a.session DESC, array_position(ARRAY['wrong', 'suspicious', 'explained'], a.verdict), a.ticker, a.rule
LIMIT %(limit)s
