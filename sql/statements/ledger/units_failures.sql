-- Bad ends in a row so far, and the retry terms of the unit's type as they are now; null for a unit of no type. Locks every
-- unit that is about to end, in the order in which all writers lock them.
SELECT u.unit_id, u.failures, (t.retry_config ->> 'max_retries')::integer,
    (t.retry_config ->> 'backoff_multiplier')::double precision
FROM work_units AS u
LEFT JOIN equity_types AS t USING (equity_type)
WHERE u.unit_id = ANY (%(unit_ids)s::text[])
ORDER BY u.unit_id
FOR UPDATE OF u
