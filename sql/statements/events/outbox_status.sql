SELECT
    (
        SELECT count(*) FROM outbox AS o
        WHERE o.sent_at IS NULL
            AND NOT EXISTS (SELECT FROM dead_letters AS d WHERE d.event_id = o.event_id AND d.dead_at IS NOT NULL)
    ) AS unsent,
    (
        SELECT o.occurred_at FROM outbox AS o
        WHERE o.sent_at IS NULL
            AND NOT EXISTS (SELECT FROM dead_letters AS d WHERE d.event_id = o.event_id AND d.dead_at IS NOT NULL)
        ORDER BY o.position LIMIT 1
    ) AS oldest_unsent,
    (SELECT count(*) FROM outbox WHERE sent_at > %(since)s) AS sent_last_day,
    (
        SELECT o.last_error FROM outbox AS o
        WHERE o.sent_at IS NULL AND o.last_error IS NOT NULL
            AND NOT EXISTS (SELECT FROM dead_letters AS d WHERE d.event_id = o.event_id AND d.dead_at IS NOT NULL)
        ORDER BY o.position LIMIT 1
    ) AS last_error,
    (SELECT count(*) FROM dead_letters WHERE dead_at IS NOT NULL AND resolved_at IS NULL) AS dead,
    (
        SELECT count(*) FROM outbox AS o
        WHERE o.sent_at IS NULL
            AND EXISTS (
                SELECT FROM dead_letters AS d
                WHERE d.subject = o.subject AND d.resolved_at IS NULL AND d.position < o.position
            )
            AND NOT EXISTS (SELECT FROM dead_letters AS d WHERE d.event_id = o.event_id AND d.dead_at IS NOT NULL)
    ) AS held
