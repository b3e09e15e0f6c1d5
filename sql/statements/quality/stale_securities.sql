-- Securities of a market with a standing finding of missing bars.
SELECT DISTINCT a.security_id
FROM quality_anomalies AS a
JOIN securities AS s USING (security_id)
WHERE a.rule = 'data_stale' AND a.withdrawn_at IS NULL AND in_market(s.primary_exchange, %(market)s, %(abroad)s::text[])
