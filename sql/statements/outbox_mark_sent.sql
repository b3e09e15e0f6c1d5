-- By position and not by range: a transaction with a lower position may have committed since the events were read.
UPDATE outbox
SET sent_at = %(now)s, attempts = attempts + 1, last_error = NULL
WHERE position = ANY(%(positions)s::bigint[]) AND sent_at IS NULL
