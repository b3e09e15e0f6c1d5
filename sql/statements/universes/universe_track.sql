UPDATE cache_entries SET track = %(track)s, updated_at = %(now)s
WHERE key = %(universe)s AND track IS DISTINCT FROM %(track)s
