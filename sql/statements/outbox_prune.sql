-- An event that was sent late is kept as long after it was sent; one that was not sent is kept for ever.
DELETE FROM outbox WHERE occurred_at < %(before)s AND sent_at < %(before)s
