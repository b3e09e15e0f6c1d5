-- The findings of a rule about a security on some sessions (null: no end), by session; whether one needs a decision: nothing
-- explains it, or a person has decided. By the ticker that was printed, or the newest holder's.
SELECT a.security_id, a.session, a.rule, a.dataset, a.verdict <> 'explained' OR a.state <> 'open'
FROM quality_anomalies AS a
WHERE a.rule = %(rule)s AND a.dataset = %(dataset)s AND a.withdrawn_at IS NULL
    AND a.session >= %(first)s AND (%(last)s::date IS NULL OR a.session <= %(last)s)
    AND (a.ticker = %(ticker)s OR a.security_id IN (SELECT h.security_id FROM newest_holder(%(ticker)s) AS h))
ORDER BY a.session, a.security_id
