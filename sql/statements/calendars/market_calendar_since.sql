SELECT calendar, min(session) FROM market_calendar GROUP BY calendar
