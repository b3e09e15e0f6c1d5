-- Dead letters of the queue: of one dataset, or of all where it is null.
SELECT unit_id FROM work_units
WHERE status = 'dead' AND enqueued_at IS NOT NULL AND coalesce(dataset = %(dataset)s::text, true)
ORDER BY unit_id
