-- The newest determined session's members, as TickStockApp reads them. Determining an older session changes nothing here.
UPDATE cache_entries AS c SET
    value = %(value)s::jsonb,
    last_universe_update = CASE WHEN %(changed)s THEN %(at)s ELSE c.last_universe_update END,
    updated_at = %(at)s
WHERE c.key = %(universe)s AND (c.value IS DISTINCT FROM %(value)s::jsonb OR %(changed)s)
