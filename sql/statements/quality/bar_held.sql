-- The newest held bar of a cell.
SELECT q.quarantine_id, jsonb_build_object(
    'open', q.row -> 'open', 'high', q.row -> 'high', 'low', q.row -> 'low', 'close', q.row -> 'close',
    'volume', q.row -> 'volume')
FROM quarantined_bars AS q
WHERE q.held AND q.security_id = %(security_id)s AND q.session = %(session)s
ORDER BY q.quarantined_at DESC, q.quarantine_id DESC
LIMIT 1
