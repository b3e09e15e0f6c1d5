-- Every table of ours with its partitions (or chunks), the largest first: bytes with indexes, the command that vacuums
-- it, and whether this role may. Before PostgreSQL 17 that is the owner's alone.
SELECT t.relname,
    pg_total_relation_size(t.oid) + coalesce((
        SELECT sum(pg_total_relation_size(p.inhrelid)) FROM pg_inherits AS p WHERE p.inhparent = t.oid), 0)::bigint AS bytes,
    format('VACUUM (ANALYZE) %%I.%%I', 'public', t.relname) AS command,
    CASE WHEN current_setting('server_version_num')::integer >= 170000
        THEN has_table_privilege(t.oid, 'MAINTAIN') ELSE pg_has_role(t.relowner, 'USAGE') END AS permitted
FROM pg_class AS t
WHERE t.relnamespace = 'public'::regnamespace AND t.relkind IN ('r', 'p') AND NOT t.relispartition
    AND t.relowner = (SELECT s.relowner FROM pg_class AS s WHERE s.oid = 'public.securities'::regclass)
ORDER BY bytes DESC, t.relname
