-- Bad ends in a row so far. Locks every unit that is about to end, in the order in which all writers lock them.
SELECT unit_id, failures FROM work_units WHERE unit_id = ANY (%(unit_ids)s::text[]) ORDER BY unit_id FOR UPDATE
