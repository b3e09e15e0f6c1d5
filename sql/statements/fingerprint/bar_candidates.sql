SELECT c.session, c.ticker, c.source, c.adjusted, c.venue, c.open, c.high, c.low, c.close, c.volume
FROM bar_candidates AS c
ORDER BY c.session, c.ticker COLLATE "C", c.source COLLATE "C"
