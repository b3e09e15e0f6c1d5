INSERT INTO cache_entries AS c (key, type, name, value, track, last_universe_update, created_at, updated_at)
VALUES (%(key)s, %(type)s, %(name)s, %(value)s, %(track)s, %(now)s, %(now)s, %(now)s)
ON CONFLICT (key) DO UPDATE SET
    type = EXCLUDED.type, name = EXCLUDED.name, value = EXCLUDED.value, track = EXCLUDED.track,
    last_universe_update = CASE WHEN c.value = EXCLUDED.value THEN c.last_universe_update
        ELSE EXCLUDED.last_universe_update END,
    updated_at = EXCLUDED.updated_at
WHERE (c.type, c.name, c.value, c.track) IS DISTINCT FROM (EXCLUDED.type, EXCLUDED.name, EXCLUDED.value, EXCLUDED.track)
