-- Try entries again now, with a full number of attempts. One that was still tried again by itself keeps its age.
UPDATE work_units AS u SET
    planned_at = CASE u.status WHEN 'retrying' THEN u.planned_at ELSE %(now)s END, status = 'pending', failures = 0,
    error = NULL, error_class = NULL, not_before = NULL, run_id = %(run_id)s
WHERE u.unit_id = ANY (%(unit_ids)s::text[])
