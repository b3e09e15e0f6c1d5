-- The newest bar of a cell that was set aside; where there is none, the newest that a load refused and nothing has replaced.
SELECT q.quarantine_id, jsonb_build_object(
    'open', q.row -> 'open', 'high', q.row -> 'high', 'low', q.row -> 'low', 'close', q.row -> 'close',
    'volume', q.row -> 'volume'), q.held, q.reason
FROM quarantined_bars AS q
WHERE (q.held OR q.resolved_at IS NULL) AND q.security_id = %(security_id)s AND q.session = %(session)s
ORDER BY q.held DESC, q.quarantined_at DESC, q.quarantine_id DESC
LIMIT 1
