-- Stored bars between two sessions of which a person said that their level of prices is right: those decided on.
SELECT a.security_id, a.session
FROM quality_anomalies AS a
JOIN ohlcv_daily AS b ON (b.security_id, b.session) = (a.security_id, a.session) AND NOT b.is_fmv
WHERE a.rule = 'scale_break' AND a.dataset = 'ohlcv_daily' AND a.state = 'released'
    AND a.security_id = ANY (%(security_ids)s::bigint[]) AND a.session BETWEEN %(first)s AND %(last)s
    AND (b.open, b.high, b.low, b.close, b.volume) = (
        (a.decided_on ->> 'open')::numeric, (a.decided_on ->> 'high')::numeric, (a.decided_on ->> 'low')::numeric,
        (a.decided_on ->> 'close')::numeric, (a.decided_on ->> 'volume')::numeric)
ORDER BY a.security_id, a.session
