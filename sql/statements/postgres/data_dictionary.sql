SELECT c.relname, CASE c.relkind WHEN 'v' THEN 'view' ELSE 'table' END,
    coalesce(obj_description(c.oid, 'pg_class'), ''), a.attname,
    format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, coalesce(col_description(c.oid, a.attnum), '')
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
ORDER BY c.relname COLLATE "C", a.attnum
