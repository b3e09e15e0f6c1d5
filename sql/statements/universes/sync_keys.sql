SELECT key FROM cache_entries
WHERE universe_in_market(key, %(market)s, %(abroad)s::text[])
ORDER BY membership = 'static', type, key COLLATE "C"
