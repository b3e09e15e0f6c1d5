-- Make a universe if there is none of that name; an existing one stays unchanged.
INSERT INTO cache_entries (
    key, type, name, value, universe_category, universe_metadata, membership, aliases, last_universe_update,
    created_at, updated_at)
VALUES (
    %(key)s, %(type)s, %(name)s, %(value)s::jsonb, %(category)s, %(metadata)s::jsonb, %(membership)s,
    %(aliases)s, CASE WHEN %(membership)s = 'static' THEN %(now)s END, %(now)s, %(now)s)
ON CONFLICT (key) DO NOTHING
