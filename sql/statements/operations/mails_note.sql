-- Note the events since a moment that are mailed: channel/what happened. What was noted before stays as it is.
INSERT INTO admin_mails (event_id, noted_at, next_try_at)
SELECT o.event_id, %(now)s, %(now)s
FROM outbox AS o
WHERE o.occurred_at >= %(since)s
    AND concat(o.channel, '/', coalesce(o.event #>> '{data,adjustment_type}', o.event #>> '{data,state}'))
        = ANY (%(kinds)s::text[])
ON CONFLICT (event_id) DO NOTHING
