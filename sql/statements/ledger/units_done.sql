SELECT count(*) FROM work_units WHERE unit_id = ANY (%(unit_ids)s::text[]) AND status = 'done'
