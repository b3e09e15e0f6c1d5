SELECT event_id, sent_at FROM outbox
WHERE channel = %(channel)s AND subject = %(subject)s
ORDER BY position DESC LIMIT 1
