-- By rule and type: how many findings there are, by verdict; and the values of those that a person decided.
SELECT a.rule, coalesce(s.equity_type, 'unknown') AS equity_type, count(*), count(*) FILTER (WHERE a.verdict = 'explained'),
    count(*) FILTER (WHERE a.verdict = 'suspicious'), count(*) FILTER (WHERE a.verdict = 'wrong'),
    array_agg(a.value ORDER BY a.value) FILTER (WHERE a.state = 'confirmed'),
    array_agg(a.value ORDER BY a.value) FILTER (WHERE a.state = 'released'),
    max(a.threshold)
FROM quality_anomalies AS a
JOIN securities AS s USING (security_id)
WHERE a.withdrawn_at IS NULL
GROUP BY 1, 2
ORDER BY 1, 2
