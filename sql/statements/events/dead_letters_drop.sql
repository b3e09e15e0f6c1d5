-- Give events up for good: those behind them are sent, they are not.
UPDATE dead_letters
SET resolved_at = %(now)s, resolution = 'dropped'
WHERE dead_at IS NOT NULL AND resolved_at IS NULL AND event_id = ANY(%(event_ids)s::uuid[])
RETURNING event_id::text
