UPDATE work_units AS u SET leased_until = %(until)s
FROM (
    SELECT unit_id FROM work_units WHERE status = 'leased' AND lease_holder = %(holder)s
    ORDER BY unit_id FOR UPDATE) AS mine
WHERE u.unit_id = mine.unit_id
