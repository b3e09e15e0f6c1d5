-- An event that was sent late is kept as long after it was sent; one that was not sent is kept for ever, unless it was
-- dropped by hand. That a session was declared complete, and a gap told of, is remembered by the event itself: without it
-- an old session that is loaded again, or a gap that never closes, would be told of once more. Those few stay.
DELETE FROM outbox AS o
WHERE o.occurred_at < %(before)s AND o.channel NOT IN ('tickstock.eod.complete', 'tickstock.quality.data_stale')
    AND (
        o.sent_at < %(before)s
        OR EXISTS (
            SELECT FROM dead_letters AS d
            WHERE d.event_id = o.event_id AND d.resolution = 'dropped' AND d.resolved_at < %(before)s
        )
    )
