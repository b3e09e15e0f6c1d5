-- Entries of a source that are due, by dataset.
SELECT dataset, count(*) FROM work_units
WHERE enqueued_at IS NOT NULL AND (status = 'pending' OR status = 'retrying' AND not_before <= %(now)s)
    AND market = %(market)s AND source = %(source)s
GROUP BY dataset
ORDER BY dataset
