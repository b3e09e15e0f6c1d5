-- US listings alone: the vendor's lists have no security that is listed abroad.
SELECT i.ticker
FROM ticker_intervals AS i
JOIN securities AS s USING (security_id)
WHERE covers(i.valid_from, i.valid_to, %(session)s) AND i.seen_to >= %(session)s
    AND coalesce(s.primary_exchange <> ALL (%(abroad)s::text[]), true)
ORDER BY i.ticker COLLATE "C"
