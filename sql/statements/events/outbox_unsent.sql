-- The next events to send, in the order in which they were written. Passed over: those in flight or refused just now,
-- those given up, and those of a subject of which an earlier event was refused.
SELECT o.position, o.event_id::text, o.channel, o.subject, o.event::text
FROM outbox AS o
WHERE o.sent_at IS NULL
    AND NOT EXISTS (SELECT FROM unnest(%(passed_over)s::bigint[]) AS p (position) WHERE p.position = o.position)
    AND NOT EXISTS (SELECT FROM dead_letters AS d WHERE d.event_id = o.event_id AND d.dead_at IS NOT NULL)
    AND NOT EXISTS (
        SELECT FROM dead_letters AS d
        WHERE d.subject = o.subject AND d.resolved_at IS NULL AND d.position < o.position
    )
ORDER BY o.position
LIMIT %(limit)s
