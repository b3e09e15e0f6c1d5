SELECT n.ticker, n.session, n.nav, n.source, n.processed_on
FROM fund_navs AS n
ORDER BY n.ticker COLLATE "C", n.session
