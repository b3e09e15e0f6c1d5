-- Sessions of an exchange between two days, with their hours.
SELECT session, opens_at, closes_at FROM market_calendar
WHERE calendar = %(calendar)s AND session BETWEEN %(first)s AND %(last)s
ORDER BY session
