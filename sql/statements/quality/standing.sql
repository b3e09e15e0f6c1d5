-- The latest reported session with its symbols; rows that are wrong and still stored; suspicious findings of that session.
WITH latest AS (
    SELECT r.session, count(*) AS symbols FROM quality_reports AS r
    WHERE r.session = (SELECT max(session) FROM quality_reports)
    GROUP BY 1
)
SELECT l.session, l.symbols,
    (SELECT coalesce(array_agg(format('%%s %%s: %%s (%%s)', a.ticker, a.session, a.rule, a.cause)
            ORDER BY a.session DESC, a.ticker, a.rule), '{}')
        FROM quality_anomalies AS a
        JOIN ohlcv_daily AS b ON (b.security_id, b.session) = (a.security_id, a.session) AND NOT b.is_fmv
        WHERE a.withdrawn_at IS NULL AND a.session >= l.session - 45
            AND (a.verdict = 'wrong' OR a.severity = 'error' AND a.verdict = 'suspicious')),
    (SELECT coalesce(array_agg(format('%%s: %%s %%s', a.ticker, a.rule, round(a.value::numeric, 4))
            ORDER BY abs(ln(nullif(abs(a.value / nullif(a.threshold, 0)), 0))) DESC NULLS FIRST, a.ticker, a.rule), '{}')
        FROM quality_anomalies AS a
        WHERE a.withdrawn_at IS NULL AND a.session = l.session AND a.verdict = 'suspicious' AND a.rule <> 'data_stale')
FROM latest AS l
