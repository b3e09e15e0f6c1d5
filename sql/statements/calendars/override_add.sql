INSERT INTO market_calendar_overrides (
    calendar, session, action, opens_at, closes_at, reason, created_by, created_at)
VALUES (%(calendar)s, %(session)s, %(action)s, %(opens_at)s, %(closes_at)s, %(reason)s, %(by)s, %(now)s)
RETURNING override_id
