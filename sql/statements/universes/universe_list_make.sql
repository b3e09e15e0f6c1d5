-- Make a list; no row where the name is taken.
INSERT INTO cache_entries (key, type, name, value, universe_category, last_universe_update, created_at, updated_at)
VALUES (%(universe)s, 'list', %(name)s, %(value)s, 'list', %(now)s, %(now)s, %(now)s)
ON CONFLICT (key) DO NOTHING
