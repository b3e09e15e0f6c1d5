-- The canonical name of a universe, called by it or by an alias.
SELECT key FROM cache_entries
WHERE key = %(name)s OR aliases @> ARRAY[%(name)s::text]
ORDER BY (key = %(name)s) DESC, key
LIMIT 1
