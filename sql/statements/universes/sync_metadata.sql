-- A theme's figures; an older session never overwrites those of a newer one.
UPDATE cache_entries SET
    universe_metadata = coalesce(universe_metadata, '{}'::jsonb) || %(metadata)s::jsonb, updated_at = %(now)s
WHERE key = %(universe)s
    AND coalesce(universe_metadata ->> 'as_of', '') <= (%(metadata)s::jsonb ->> 'as_of')
    AND coalesce(universe_metadata, '{}'::jsonb) || %(metadata)s::jsonb IS DISTINCT FROM universe_metadata
