SELECT s.ticker, s.session, s.allocation, s.source, s.processed_on
FROM fund_sectors AS s
ORDER BY s.ticker COLLATE "C", s.session
