-- Tables of ours, and partitions (or chunks) of theirs, that were changed since they were analysed last: bytes with
-- indexes, the command that analyses one, and whether this role may. Before PostgreSQL 17 that is the owner's alone.
WITH ours AS (
    SELECT t.oid FROM pg_class AS t
    WHERE t.relnamespace = 'public'::regnamespace AND t.relkind IN ('r', 'p') AND NOT t.relispartition
        AND t.relowner = (SELECT s.relowner FROM pg_class AS s WHERE s.oid = 'public.securities'::regclass)
), members AS (
    SELECT oid FROM ours
    UNION
    SELECT p.inhrelid FROM pg_inherits AS p JOIN ours ON ours.oid = p.inhparent
)
SELECT c.relname, pg_total_relation_size(c.oid) AS bytes,
    format('ANALYZE %%I.%%I', n.nspname, c.relname) AS command,
    CASE WHEN current_setting('server_version_num')::integer >= 170000
        THEN has_table_privilege(c.oid, 'MAINTAIN') ELSE pg_has_role(c.relowner, 'USAGE') END AS permitted
FROM members
JOIN pg_class AS c USING (oid)
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_stat_all_tables AS s ON s.relid = c.oid
WHERE s.n_mod_since_analyze > 0
ORDER BY bytes DESC, c.relname
