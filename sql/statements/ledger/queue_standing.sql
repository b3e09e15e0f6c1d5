-- Where units are that are about to be enqueued, tried again or dropped. Locks them, in the order of all writers.
SELECT unit_id, status, priority, equity_type, enqueued_at IS NOT NULL
FROM work_units
WHERE unit_id = ANY (%(unit_ids)s::text[])
ORDER BY unit_id
FOR UPDATE
