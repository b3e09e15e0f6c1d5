-- The next mail to send: those that were refused least come first, so that one that always is keeps none back.
SELECT m.event_id, o.event, m.attempts
FROM admin_mails AS m
JOIN outbox AS o USING (event_id)
WHERE m.sent_at IS NULL AND (m.next_try_at <= %(now)s OR %(at_once)s)
ORDER BY m.attempts, o.position
LIMIT 1
