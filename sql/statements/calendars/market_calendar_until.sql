SELECT calendar, max(session) FROM market_calendar GROUP BY calendar
