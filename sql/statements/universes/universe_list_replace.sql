UPDATE cache_entries SET value = %(value)s, last_universe_update = %(now)s, updated_at = %(now)s
WHERE key = %(universe)s
