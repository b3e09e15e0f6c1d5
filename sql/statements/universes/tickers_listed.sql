-- US listings alone: what is listed at a venue abroad is in no list of the vendor.
SELECT i.ticker
FROM ticker_intervals AS i
JOIN securities AS s USING (security_id)
WHERE covers(i.valid_from, i.valid_to, %(session)s) AND i.seen_to >= %(session)s
    AND coalesce(s.primary_exchange <> ALL (%(abroad)s::text[]), true)
ORDER BY i.ticker COLLATE "C"
