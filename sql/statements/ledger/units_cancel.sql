-- Cancel units that are open or dead. A holder that is asking stores what it gets, and leaves the state alone.
UPDATE work_units AS u SET
    status = 'cancelled', error = %(reason)s, error_class = NULL, not_before = NULL, lease_holder = NULL,
    leased_until = NULL, finished_at = %(now)s, finished_in = pg_current_xact_id()
FROM (
    SELECT unit_id FROM work_units
    WHERE unit_id = ANY (%(unit_ids)s::text[]) AND status IN ('pending', 'leased', 'retrying', 'dead')
    ORDER BY unit_id FOR UPDATE) AS wanted
WHERE u.unit_id = wanted.unit_id
