-- A finding by its number, or by ticker, session and rule: by the ticker that was printed, or the newest holder's.
SELECT a.security_id, a.session, a.rule, a.dataset
FROM quality_anomalies AS a
WHERE CASE WHEN %(anomaly_id)s::bigint IS NOT NULL THEN a.anomaly_id = %(anomaly_id)s
    ELSE a.session = %(session)s AND a.rule = %(rule)s AND a.dataset = %(dataset)s AND (
        a.ticker = %(ticker)s OR a.security_id IN (SELECT h.security_id FROM newest_holder(%(ticker)s) AS h)) END
ORDER BY (a.ticker = %(ticker)s) DESC NULLS LAST
LIMIT 1
