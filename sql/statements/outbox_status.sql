SELECT
    (SELECT count(*) FROM outbox WHERE sent_at IS NULL) AS unsent,
    (SELECT occurred_at FROM outbox WHERE sent_at IS NULL ORDER BY position LIMIT 1) AS oldest_unsent,
    (SELECT count(*) FROM outbox WHERE sent_at > %(since)s) AS sent_last_day,
    (SELECT last_error FROM outbox WHERE sent_at IS NULL AND last_error IS NOT NULL ORDER BY position LIMIT 1)
        AS last_error
