-- Who joined and left which universe by one run, in the order of writing.
SELECT universe, change, ticker, reason FROM sync_changes_log
WHERE run_id = %(run_id)s AND change IN ('added', 'removed') AND session IS NOT NULL
ORDER BY change_id
