UPDATE outbox
SET attempts = attempts + 1, last_error = %(error)s
WHERE position = ANY(%(positions)s::bigint[]) AND sent_at IS NULL
