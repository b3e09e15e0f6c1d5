-- The ticker of each security on a session; where it was not listed then, the one it held last before, else the newest.
SELECT DISTINCT ON (i.security_id) i.security_id, i.ticker
FROM ticker_intervals AS i
WHERE i.security_id = ANY (%(security_ids)s::bigint[])
ORDER BY i.security_id, (i.valid_from <= %(session)s) DESC, i.valid_from DESC
