-- Lease units that wait and whose time has come, the most urgent first; those that another run is leasing are passed by.
-- The same formula as `urgency` of core.loading.ledger; equally urgent ones keep the order of the plan.
WITH free AS (
    SELECT u.unit_id, w.position, extract(epoch FROM u.planned_at - timestamptz '2000-01-01 00:00:00+00')
        - 900 * u.priority AS due
    FROM unnest(%(unit_ids)s::text[]) WITH ORDINALITY AS w (unit_id, position)
    JOIN work_units AS u USING (unit_id)
    WHERE u.status = 'pending' OR u.status = 'retrying' AND u.not_before <= %(now)s
    ORDER BY due, w.position
    LIMIT %(limit)s
    FOR UPDATE OF u SKIP LOCKED)
UPDATE work_units AS u SET
    status = 'leased', lease_holder = %(holder)s, leased_until = %(until)s, run_id = %(run_id)s, started_at = %(now)s,
    error = NULL, error_class = NULL, not_before = NULL
FROM free AS f
WHERE u.unit_id = f.unit_id
RETURNING u.unit_id, f.due, f.position
