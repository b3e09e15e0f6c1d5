-- Every name under which a universe is known, with its canonical one.
SELECT key AS name, key FROM cache_entries
UNION
SELECT unnest(aliases), key FROM cache_entries
ORDER BY 1
