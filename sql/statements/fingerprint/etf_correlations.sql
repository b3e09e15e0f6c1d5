-- Twelve digits: what another processor's arithmetic does to the rest says nothing.
SELECT c.session, c.ticker, c.reference, c.sessions, round(c.correlation::numeric, 12) AS correlation
FROM etf_correlations AS c
ORDER BY c.session, c.ticker COLLATE "C", c.reference COLLATE "C", c.sessions
