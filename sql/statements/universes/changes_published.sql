-- How often a change of this universe's members was published; the log is never shortened.
SELECT count(DISTINCT event_id) FROM sync_changes_log WHERE universe = %(universe)s AND event_id IS NOT NULL
