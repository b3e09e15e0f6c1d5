SELECT c.key, c.type, c.name, c.value, c.track, c.track_from, c.universe_category, c.liquidity_filter, c.universe_metadata,
    c.membership, c.aliases
FROM cache_entries AS c
ORDER BY c.key COLLATE "C"
