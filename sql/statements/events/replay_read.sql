-- The next events of a replay, in the order of writing.
SELECT position, event_id::text, channel, subject, event::text
FROM outbox
WHERE sent_at IS NOT NULL
    AND position BETWEEN %(from_position)s AND %(last)s
    AND (%(channel)s::text IS NULL OR channel = %(channel)s)
    AND (%(since)s::timestamptz IS NULL OR occurred_at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR occurred_at < %(until)s)
ORDER BY position
LIMIT %(limit)s
