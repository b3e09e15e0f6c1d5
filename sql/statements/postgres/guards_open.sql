-- What the reading application may still do that could disturb the factory, and whether the writer lacks what it needs.
SELECT
    bool_or(has_function_privilege(app.oid, p.oid, 'EXECUTE')) FILTER (WHERE p.proname LIKE 'pg%%') AS advisory_locks,
    bool_or(has_function_privilege(app.oid, p.oid, 'EXECUTE')) FILTER (WHERE p.proname LIKE 'lo%%') AS large_objects,
    has_database_privilege(app.oid, current_database(), 'TEMPORARY') AS temporary_tables,
    NOT EXISTS (
        SELECT FROM pg_db_role_setting AS s JOIN pg_database AS d ON d.oid = s.setdatabase
        CROSS JOIN LATERAL unnest(s.setconfig) AS setting
        WHERE d.datname = current_database() AND s.setrole = 0 AND setting LIKE 'statement_timeout=%%') AS no_timeouts,
    NOT EXISTS (
        SELECT FROM pg_db_role_setting AS s JOIN pg_database AS d ON d.oid = s.setdatabase
        CROSS JOIN LATERAL unnest(s.setconfig) AS setting
        WHERE d.datname = current_database() AND s.setrole = 0 AND setting LIKE 'min_parallel_table_scan_size=%%')
        AS small_parallel,
    bool_or(NOT has_function_privilege(writer.oid, p.oid, 'EXECUTE')) FILTER (WHERE p.proname LIKE 'pg%%')
        OR NOT has_database_privilege(writer.oid, current_database(), 'TEMPORARY') AS writer_lacks
FROM pg_roles AS app, pg_roles AS writer, pg_proc AS p
WHERE app.rolname = 'tickstock_app' AND writer.rolname = 'tickstock_writer'
    AND p.pronamespace = 'pg_catalog'::regnamespace AND p.proname ~ '^(pg_(try_)?advisory_|lo_|loread$|lowrite$)'
GROUP BY app.oid, writer.oid
