-- When a work unit ended last; null where none ever did.
SELECT max(finished_at) FROM work_units
