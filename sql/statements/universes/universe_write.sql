-- A list that is tracked keeps its first session, unless the given one is earlier and no session lies between: it must be
-- on or before %(reach)s. One that is not tracked any more keeps an earlier one.
INSERT INTO cache_entries AS c (
    key, type, name, value, track, track_from, last_universe_update, created_at, updated_at)
VALUES (
    %(key)s, %(type)s, %(name)s, %(value)s, %(track_from)s::date IS NOT NULL, %(track_from)s, %(now)s, %(now)s, %(now)s)
ON CONFLICT (key) DO UPDATE SET
    type = EXCLUDED.type, name = EXCLUDED.name, value = EXCLUDED.value, track = EXCLUDED.track,
    track_from = CASE
        WHEN EXCLUDED.track_from IS NULL OR c.track_from <= EXCLUDED.track_from THEN c.track_from
        WHEN c.track AND c.track_from > %(reach)s THEN c.track_from
        ELSE EXCLUDED.track_from END,
    last_universe_update = CASE WHEN c.value = EXCLUDED.value THEN c.last_universe_update
        ELSE EXCLUDED.last_universe_update END,
    updated_at = EXCLUDED.updated_at
WHERE (c.type, c.name, c.value, c.track) IS DISTINCT FROM (EXCLUDED.type, EXCLUDED.name, EXCLUDED.value, EXCLUDED.track)
    OR (EXCLUDED.track_from < c.track_from AND (NOT c.track OR c.track_from <= %(reach)s))
