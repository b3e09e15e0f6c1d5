-- Open entries of the processing queue, by type.
SELECT equity_type, count(*) FROM work_units
WHERE status IN ('pending', 'leased', 'retrying') AND enqueued_at IS NOT NULL
GROUP BY equity_type
