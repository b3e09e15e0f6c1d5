-- The list of one observed day.
SELECT security_id, ticker, name, equity_type, primary_exchange
FROM symbol_versions
WHERE seen_from <= %(on)s AND seen_to >= %(on)s
ORDER BY ticker COLLATE "C"
