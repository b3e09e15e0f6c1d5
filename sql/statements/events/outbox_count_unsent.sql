-- How many events wait, and whether one of them could be sent now.
SELECT
    (
        SELECT count(*) FROM outbox AS o
        WHERE o.sent_at IS NULL
            AND NOT EXISTS (SELECT FROM dead_letters AS d WHERE d.event_id = o.event_id AND d.resolution = 'dropped')
    ) AS waiting,
    EXISTS (
        SELECT FROM outbox AS o
        WHERE o.sent_at IS NULL
            AND NOT EXISTS (SELECT FROM dead_letters AS d WHERE d.event_id = o.event_id AND d.dead_at IS NOT NULL)
            AND NOT EXISTS (
                SELECT FROM dead_letters AS d
                WHERE d.subject = o.subject AND d.resolved_at IS NULL AND d.position < o.position
            )
    ) AS sendable
