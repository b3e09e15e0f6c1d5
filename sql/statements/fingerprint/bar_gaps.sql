SELECT g.ticker, g.session, g.reason, g.is_final, g.evidence, g.source
FROM bar_gaps AS g
ORDER BY g.ticker COLLATE "C", g.session
