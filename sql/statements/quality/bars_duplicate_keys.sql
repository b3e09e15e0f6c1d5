SELECT 'primary key (security_id, session) is missing or not valid' AS what, 1 AS violations
WHERE NOT EXISTS (
    SELECT FROM pg_index AS x
    WHERE x.indrelid = 'public.ohlcv_daily'::regclass AND x.indisprimary AND x.indisvalid
        AND (
            SELECT array_agg(a.attname::text ORDER BY a.attname)
            FROM pg_attribute AS a WHERE a.attrelid = x.indrelid AND a.attnum = ANY (x.indkey::int2[])
        ) = ARRAY['security_id', 'session'])
UNION ALL
(SELECT string_agg(DISTINCT b.ticker, ', ') || ' ' || b.session || ': ' || count(*) || ' rows', 1
FROM ohlcv_daily AS b
WHERE b.session >= %(since)s
GROUP BY b.security_id, b.session
HAVING count(*) > 1)
