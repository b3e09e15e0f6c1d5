SELECT o.calendar, o.session, o.action, o.opens_at, o.closes_at, o.reason, o.created_by, o.revoked_at IS NULL AS in_force,
    o.revoked_by, o.revoked_reason
FROM market_calendar_overrides AS o
ORDER BY o.calendar COLLATE "C", o.session, o.override_id
