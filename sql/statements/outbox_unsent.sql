-- The next events to send, in the order in which they were written.
SELECT position, event_id::text, channel, subject, event::text
FROM outbox
WHERE sent_at IS NULL
ORDER BY position
LIMIT %(limit)s
