-- The age of a late event counts from its sending; an unsent one is kept until it is sent, or dropped by hand. The
-- events of complete sessions and of long gaps stay: they are the only record that both were published, and without them
-- an old session that is loaded again, or a gap that never closes, would be published a second time.
DELETE FROM outbox AS o
WHERE o.occurred_at < %(before)s AND o.channel NOT IN ('tickstock.eod.complete', 'tickstock.quality.data_stale')
    AND (
        o.sent_at < %(before)s
        OR EXISTS (
            SELECT FROM dead_letters AS d
            WHERE d.event_id = o.event_id AND d.resolution = 'dropped' AND d.resolved_at < %(before)s
        )
    )
