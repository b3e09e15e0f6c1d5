-- Those of some securities of which a listing's first or last day lies between two lists.
SELECT DISTINCT security_id FROM ticker_intervals
WHERE security_id = ANY (%(security_ids)s::bigint[]) AND (start_known = 'absent_before' OR gone_on IS NOT NULL)
