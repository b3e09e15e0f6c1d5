-- Count a refusal; the event is given up when there were too many.
INSERT INTO dead_letters AS d
    (event_id, position, channel, subject, error, attempts, first_tried_at, last_tried_at, dead_at)
SELECT o.event_id, o.position, o.channel, o.subject, given.error, 1, %(now)s, %(now)s,
    CASE WHEN %(limit)s <= 1 THEN %(now)s::timestamptz END
FROM unnest(%(positions)s::bigint[], %(errors)s::text[]) AS given (position, error)
JOIN outbox AS o USING (position)
WHERE o.sent_at IS NULL
ON CONFLICT (event_id) DO UPDATE
SET error = EXCLUDED.error,
    attempts = d.attempts + 1,
    last_tried_at = EXCLUDED.last_tried_at,
    dead_at = CASE WHEN d.attempts + 1 >= %(limit)s THEN EXCLUDED.last_tried_at END
RETURNING event_id::text, channel, subject, error, attempts, first_tried_at, last_tried_at, dead_at
