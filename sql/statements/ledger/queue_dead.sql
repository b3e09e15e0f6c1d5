-- Of entries that have just ended those that failed for good.
SELECT unit_id, subject, equity_type, attempts, error_class, error FROM work_units
WHERE unit_id = ANY (%(unit_ids)s::text[]) AND status = 'dead'
ORDER BY unit_id
