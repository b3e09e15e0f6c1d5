SELECT key FROM cache_entries ORDER BY key
