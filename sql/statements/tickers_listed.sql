SELECT ticker FROM ticker_intervals
WHERE valid_from <= %(session)s AND (valid_to IS NULL OR valid_to > %(session)s) AND seen_to >= %(session)s
ORDER BY ticker COLLATE "C"
