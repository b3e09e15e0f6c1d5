-- Every universe, whether it is tracked, and the theme it stands for.
SELECT key, track, CASE WHEN type = 'theme' THEN coalesce(universe_category, key) END FROM cache_entries
