-- The universe that has this name as an alias; no row where the name is a universe of its own.
SELECT c.key FROM cache_entries AS c
WHERE c.aliases @> ARRAY[%(name)s::text] AND NOT EXISTS (SELECT FROM cache_entries AS o WHERE o.key = %(name)s)
ORDER BY c.key
LIMIT 1
