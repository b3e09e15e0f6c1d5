-- Overrides of some days, withdrawn ones included, oldest first.
SELECT
    override_id, calendar, session, action, opens_at, closes_at, reason, created_by, created_at,
    revoked_at, revoked_by, revoked_reason
FROM market_calendar_overrides
WHERE calendar = %(calendar)s AND session BETWEEN %(first)s AND %(last)s
ORDER BY session, override_id
