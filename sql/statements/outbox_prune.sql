-- An event that was sent late is kept as long after it was sent; one that was not sent is kept for ever, unless it was
-- dropped by hand.
DELETE FROM outbox AS o
WHERE o.occurred_at < %(before)s
    AND (
        o.sent_at < %(before)s
        OR EXISTS (
            SELECT FROM dead_letters AS d
            WHERE d.event_id = o.event_id AND d.resolution = 'dropped' AND d.resolved_at < %(before)s
        )
    )
