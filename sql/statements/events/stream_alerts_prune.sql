-- The events that a group lost are no longer in the outbox then: nothing could be replayed.
DELETE FROM stream_alerts WHERE last_at < %(before)s
