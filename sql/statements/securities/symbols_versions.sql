-- The versions that a list can change: from the list before it to the list after it.
SELECT security_id, seen_from, seen_to, ticker, name, equity_type, primary_exchange, cik, share_class_figi
FROM symbol_versions
WHERE seen_to >= %(before)s AND seen_from <= %(after)s
