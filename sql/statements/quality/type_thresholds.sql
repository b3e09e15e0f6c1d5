-- What the types of some securities say instead of the default thresholds; securities whose types say nothing are left out.
SELECT p.security_id, t.quality
FROM securities_processing AS p
JOIN equity_types AS t USING (equity_type)
WHERE p.security_id = ANY (%(security_ids)s::bigint[]) AND t.quality <> '{}'
