-- Whether there is a universe of this name.
SELECT EXISTS (SELECT FROM cache_entries WHERE key = %(universe)s)
