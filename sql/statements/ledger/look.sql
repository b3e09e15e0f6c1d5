-- What is visible now, for comparing with what ends later.
SELECT pg_current_snapshot()::text
