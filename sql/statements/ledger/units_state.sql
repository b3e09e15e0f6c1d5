SELECT unit_id, status, lease_holder, not_before, failures, error
FROM work_units
WHERE unit_id = ANY (%(unit_ids)s::text[])
