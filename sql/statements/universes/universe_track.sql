-- A first session that is given replaces the former one; without one, the former stays, else %(latest)s is the first.
UPDATE cache_entries SET
    track = %(track)s,
    track_from = CASE WHEN %(track)s THEN coalesce(%(track_from)s, track_from, %(latest)s) ELSE track_from END,
    updated_at = %(now)s
WHERE key = %(universe)s
    AND (track IS DISTINCT FROM %(track)s OR (%(track)s AND track_from IS DISTINCT FROM coalesce(%(track_from)s, track_from)))
RETURNING track_from
