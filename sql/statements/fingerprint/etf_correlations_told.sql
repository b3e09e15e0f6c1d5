SELECT coalesce(s.composite_figi, 'ticker:' || (
        SELECT i.ticker FROM ticker_intervals AS i WHERE i.security_id = s.security_id ORDER BY i.valid_from LIMIT 1
    )) COLLATE "C" AS identity,
    t.reference, t.sessions, t.session, round(t.correlation::numeric, 12) AS correlation
FROM etf_correlations_told AS t
JOIN securities AS s USING (security_id)
ORDER BY identity, t.reference COLLATE "C", t.sessions
