-- Securities that rows of the bulk tables are of and that do not exist, and guards against that which are gone. From one
-- security to the next by the keys: proves every row, and reads one of each security.
WITH RECURSIVE of_days AS (
    SELECT min(security_id) AS security_id FROM ohlcv_daily
    UNION ALL
    SELECT (SELECT min(b.security_id) FROM ohlcv_daily AS b WHERE b.security_id > d.security_id)
    FROM of_days AS d WHERE d.security_id IS NOT NULL
), of_minutes AS (
    SELECT min(security_id) AS security_id FROM ohlcv_1min
    UNION ALL
    SELECT (SELECT min(b.security_id) FROM ohlcv_1min AS b WHERE b.security_id > d.security_id)
    FROM of_minutes AS d WHERE d.security_id IS NOT NULL
), of_gaps AS (
    SELECT min(security_id) AS security_id FROM bar_gaps
    UNION ALL
    SELECT (SELECT min(b.security_id) FROM bar_gaps AS b WHERE b.security_id > d.security_id)
    FROM of_gaps AS d WHERE d.security_id IS NOT NULL
), of_restatements AS (
    SELECT min(security_id) AS security_id FROM bar_restatements
    UNION ALL
    SELECT (SELECT min(b.security_id) FROM bar_restatements AS b WHERE b.security_id > d.security_id)
    FROM of_restatements AS d WHERE d.security_id IS NOT NULL
), guards AS (
    SELECT name, name || '_of_known_securities' AS guard
    FROM unnest(ARRAY['ohlcv_daily', 'ohlcv_1min', 'bar_gaps', 'bar_restatements']) AS n (name)
    UNION ALL
    SELECT name, name || '_stay_of_known_securities'
    FROM unnest(ARRAY['ohlcv_daily', 'ohlcv_1min', 'bar_gaps', 'bar_restatements']) AS n (name)
    UNION ALL
    SELECT 'securities', guard
    FROM unnest(ARRAY['securities_are_never_deleted', 'securities_keep_their_number', 'securities_are_never_emptied'])
        AS g (guard)
)
SELECT format('trigger %%s of %%s is missing or disabled', g.guard, g.name) AS what, 1 AS violations
FROM guards AS g
WHERE NOT EXISTS (
        SELECT FROM pg_trigger AS t
        WHERE t.tgrelid = to_regclass('public.' || g.name) AND t.tgname = g.guard AND t.tgenabled <> 'D')
    AND NOT EXISTS (
        SELECT FROM pg_constraint AS c
        WHERE c.conrelid = to_regclass('public.' || g.name) AND c.conname = g.name || '_security_id_fkey'
            AND c.convalidated)
UNION ALL
SELECT format('%%s has rows of security %%s, which does not exist', f.name, f.security_id), 1
FROM (
    SELECT 'ohlcv_daily' AS name, security_id FROM of_days
    UNION ALL SELECT 'ohlcv_1min', security_id FROM of_minutes
    UNION ALL SELECT 'bar_gaps', security_id FROM of_gaps
    UNION ALL SELECT 'bar_restatements', security_id FROM of_restatements) AS f (name, security_id)
WHERE f.security_id IS NOT NULL AND NOT EXISTS (SELECT FROM securities AS s WHERE s.security_id = f.security_id)
