-- New findings, and former ones as they stand now. A person's decision ends with it; the history keeps it.
INSERT INTO quality_anomalies AS a (
    security_id, session, rule, dataset, ticker, verdict, severity, cause, value, threshold, evidence, would_change,
    settled_by, found_at, found_by, judged_at, withdrawn_at, alerted_at, alerted_as)
SELECT r.security_id, r.session, r.rule, r.dataset, r.ticker, r.verdict, r.severity, r.cause, r.value, r.threshold,
    r.evidence, r.would_change, r.settled_by, %(now)s, %(run_id)s, %(now)s, CASE WHEN r.withdrawn THEN %(now)s END,
    CASE WHEN r.alerts THEN %(now)s END, CASE WHEN r.alerts THEN r.verdict END
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    security_id bigint, session date, rule text, dataset text, ticker text, verdict text, severity text, cause text,
    value double precision, threshold double precision, evidence jsonb, would_change text, settled_by text,
    withdrawn boolean, alerts boolean)
ON CONFLICT (security_id, session, rule, dataset) DO UPDATE SET
    verdict = EXCLUDED.verdict, severity = EXCLUDED.severity, cause = EXCLUDED.cause, value = EXCLUDED.value,
    threshold = EXCLUDED.threshold, evidence = EXCLUDED.evidence, would_change = EXCLUDED.would_change,
    settled_by = EXCLUDED.settled_by, judged_at = EXCLUDED.judged_at, withdrawn_at = EXCLUDED.withdrawn_at,
    alerted_at = coalesce(EXCLUDED.alerted_at, a.alerted_at), alerted_as = coalesce(EXCLUDED.alerted_as, a.alerted_as),
    state = 'open', decided_by = NULL, decided_why = NULL, decided_at = NULL, decided_on = NULL
