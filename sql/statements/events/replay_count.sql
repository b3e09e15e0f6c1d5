-- How many events a replay has, and the last of them: what is sent from now on is no part of it.
SELECT count(*), max(position)
FROM outbox
WHERE sent_at IS NOT NULL
    AND position >= %(from_position)s
    AND (%(channel)s::text IS NULL OR channel = %(channel)s)
    AND (%(since)s::timestamptz IS NULL OR occurred_at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR occurred_at < %(until)s)
