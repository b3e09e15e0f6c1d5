SELECT status, count(*) FROM work_units WHERE run_id = %(run_id)s AND kind IN ('range', 'grouped', 'flat_file')
GROUP BY status
