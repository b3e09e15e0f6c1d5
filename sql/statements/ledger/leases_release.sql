-- Give back what was leased and not asked for: some units, or all of the holder's.
UPDATE work_units AS u SET status = 'pending', lease_holder = NULL, leased_until = NULL
FROM (
    SELECT unit_id FROM work_units
    WHERE status = 'leased' AND lease_holder = %(holder)s
        AND (%(unit_ids)s::text[] IS NULL OR unit_id = ANY (%(unit_ids)s::text[]))
    ORDER BY unit_id FOR UPDATE) AS mine
WHERE u.unit_id = mine.unit_id
