-- By position and not by range: a transaction with a lower position may have committed since the events were read.
WITH sent AS (
    UPDATE outbox
    SET sent_at = %(now)s, attempts = attempts + 1, last_error = NULL
    WHERE position = ANY(%(positions)s::bigint[]) AND sent_at IS NULL
    RETURNING event_id
), resolved AS (
    UPDATE dead_letters AS d
    SET resolved_at = %(now)s, resolution = 'sent', dead_at = NULL
    FROM sent
    WHERE d.event_id = sent.event_id AND d.resolved_at IS NULL
)
SELECT count(*) FROM sent
