-- Give units that were not asked for yet another priority; locked in the order of their ids, as by all who write them.
WITH found AS (
    SELECT u.unit_id, w.priority
    FROM unnest(%(unit_ids)s::text[], %(priorities)s::integer[]) AS w (unit_id, priority)
    JOIN work_units AS u USING (unit_id)
    WHERE u.priority <> w.priority AND u.status IN ('pending', 'retrying', 'leased')
    ORDER BY u.unit_id
    FOR UPDATE OF u)
UPDATE work_units AS u SET priority = f.priority
FROM found AS f
WHERE u.unit_id = f.unit_id
