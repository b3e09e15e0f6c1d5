-- Every name of a universe, aliases included, with its canonical name; a key counts before another universe's alias.
SELECT DISTINCT ON (n.name) n.name, n.key
FROM (
    SELECT key AS name, key, true AS own FROM cache_entries
    UNION ALL
    SELECT unnest(aliases), key, false FROM cache_entries) AS n
ORDER BY n.name, n.own DESC, n.key
