-- The ticker of each security on a session; where it was not listed then, the last one before, else the newest.
-- A security without any listing shows its number: it must still be able to leave.
SELECT DISTINCT ON (wanted.security_id) wanted.security_id, coalesce(i.ticker, '#' || wanted.security_id)
FROM unnest(%(security_ids)s::bigint[]) AS wanted (security_id)
LEFT JOIN ticker_intervals AS i USING (security_id)
ORDER BY wanted.security_id, (i.valid_from <= %(session)s) DESC, i.valid_from DESC
