-- Twelve digits: the rest depends on the processor's arithmetic.
SELECT c.session, c.ticker, c.reference, c.sessions, round(c.correlation::numeric, 12) AS correlation
FROM etf_correlations AS c
ORDER BY c.session, c.ticker COLLATE "C", c.reference COLLATE "C", c.sessions
