-- Open entries of other sources than one, by source: its workers do not take them.
SELECT source, count(*) FROM work_units
WHERE enqueued_at IS NOT NULL AND status IN ('pending', 'leased', 'retrying')
    AND market = %(market)s AND source <> %(source)s
GROUP BY source
ORDER BY source COLLATE "C"
