-- Entries whose wait is over wait to be leased again.
UPDATE work_units AS u SET status = 'pending', error = NULL, error_class = NULL, not_before = NULL
FROM (
    SELECT unit_id FROM work_units
    WHERE status = 'retrying' AND enqueued_at IS NOT NULL AND not_before <= %(now)s
    ORDER BY unit_id
    FOR UPDATE SKIP LOCKED) AS due
WHERE u.unit_id = due.unit_id
