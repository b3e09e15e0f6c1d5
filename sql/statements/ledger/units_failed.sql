-- Units whose last end was a failure: those that are tried again, and dead ones; the newest first, with their errors.
SELECT status, dataset, kind, subject, first_session, last_session, failures, error
FROM work_units
WHERE market = %(market)s AND status IN ('retrying', 'dead')
ORDER BY finished_at DESC, unit_id
