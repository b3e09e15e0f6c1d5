SELECT calendar, session, action, opens_at, closes_at, reason
FROM market_calendar_overrides
WHERE calendar = %(calendar)s AND revoked_at IS NULL
ORDER BY session
