-- Whether one of these events is committed and not sent.
SELECT EXISTS (SELECT FROM outbox WHERE sent_at IS NULL AND event_id = ANY(%(event_ids)s::uuid[]))
