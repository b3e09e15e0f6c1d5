SELECT c.calendar, c.session, c.opens_at, c.closes_at, c.is_early_close
FROM market_calendar AS c
ORDER BY c.calendar COLLATE "C", c.session
