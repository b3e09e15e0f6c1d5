-- Told again only when it is twice as bad, or an hour later.
INSERT INTO stream_alerts AS a (stream, consumer_group, entries, first_at, last_at, from_position)
SELECT %(stream)s, %(group)s, %(entries)s, %(now)s, %(now)s,
    (
        SELECT min(o.position) FROM outbox AS o
        -- Redis's clock and ours may differ a little.
        WHERE %(read_until)s::timestamptz IS NULL OR o.sent_at >= %(read_until)s::timestamptz - interval '1 minute'
    )
ON CONFLICT (stream, consumer_group) DO UPDATE
SET entries = greatest(a.entries, EXCLUDED.entries),
    last_at = EXCLUDED.last_at,
    from_position = least(a.from_position, EXCLUDED.from_position)
WHERE EXCLUDED.entries >= 2 * a.entries OR a.last_at < EXCLUDED.last_at - interval '1 hour'
RETURNING from_position
