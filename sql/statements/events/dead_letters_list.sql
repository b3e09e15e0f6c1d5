-- Events that were given up and not resolved, with how many wait behind each.
SELECT d.event_id::text, d.channel, d.subject, d.error, d.attempts, d.first_tried_at, d.last_tried_at, d.dead_at,
    (
        SELECT count(*) FROM outbox AS o
        WHERE o.subject = d.subject AND o.position > d.position AND o.sent_at IS NULL
    ) AS held
FROM dead_letters AS d
WHERE d.dead_at IS NOT NULL AND d.resolved_at IS NULL
ORDER BY d.position
