-- The newest verdicts, of everything or of one ticker.
SELECT v.given_at, v.given_by, v.how, v.was, v.verdict, a.anomaly_id, a.session, a.ticker, a.rule, v.cause
FROM quality_verdicts AS v
JOIN quality_anomalies AS a USING (security_id, session, rule, dataset)
WHERE %(ticker)s::text IS NULL OR a.ticker = %(ticker)s
    OR a.security_id IN (SELECT h.security_id FROM newest_holder(%(ticker)s) AS h)
ORDER BY v.verdict_id DESC
LIMIT %(limit)s
