SELECT key FROM cache_entries ORDER BY membership = 'static', type, key COLLATE "C"
