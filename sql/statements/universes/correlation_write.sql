-- Writes only new and changed values. A difference below 1e-12 comes from the arithmetic.
INSERT INTO etf_correlations AS c (session, security_id, ticker, reference, sessions, correlation, known_at)
SELECT s.session, s.security_id, s.ticker, s.reference, s.sessions, s.correlation, %(now)s
FROM stage_correlations AS s
LEFT JOIN etf_correlations AS old USING (session, security_id, reference, sessions)
WHERE old.session IS NULL OR old.ticker <> s.ticker OR abs(old.correlation - s.correlation) > 1e-12
ON CONFLICT (session, security_id, reference, sessions) DO UPDATE SET
    ticker = EXCLUDED.ticker, correlation = EXCLUDED.correlation, known_at = EXCLUDED.known_at
