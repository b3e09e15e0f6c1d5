-- Whether a universe is tracked; no row where there is no such universe.
SELECT track FROM cache_entries WHERE key = %(key)s
