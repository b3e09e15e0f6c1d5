UPDATE market_calendar_overrides SET revoked_at = %(now)s, revoked_by = %(by)s, revoked_reason = %(reason)s
WHERE calendar = %(calendar)s AND session = %(session)s AND revoked_at IS NULL
RETURNING override_id
