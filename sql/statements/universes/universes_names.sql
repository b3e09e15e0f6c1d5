-- Every name of a universe, aliases included, with its canonical name.
SELECT key AS name, key FROM cache_entries
UNION
SELECT unnest(aliases), key FROM cache_entries
ORDER BY 1
