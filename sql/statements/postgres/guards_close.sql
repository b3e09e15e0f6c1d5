-- Whoever reads must not disturb the factory: TickStockApp gets no temporary table, no large object and no advisory
-- lock, and sessions that say nothing themselves end what takes too long. Each step is done by whoever may: the
-- database's owner, or for the server's own functions a superuser. Again, or in part, does no harm. No parameters: an
-- administrator can run this file with psql, in the warehouse.
DO $$
DECLARE
    here text := current_database();
    owner text := (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database());
    owns boolean := (SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database());
    rules_all boolean := (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
    limits text[] := CASE WHEN current_setting('server_version_num')::int < 170000 THEN ARRAY[]::text[]
        ELSE ARRAY['transaction_timeout=15min'] END
        -- A symbol's bars of twenty years lie on 40 MB of pages: to start a process for them takes longer than to read them.
        || ARRAY['statement_timeout=5min', 'lock_timeout=30s', 'idle_in_transaction_session_timeout=5min',
            'min_parallel_table_scan_size=48MB'];
    one text;
    called regprocedure;
    locks boolean;
BEGIN
    IF to_regrole('tickstock_writer') IS NULL OR to_regrole('tickstock_app') IS NULL
        OR current_setting('transaction_read_only')::boolean
    THEN
        RETURN;
    END IF;
    IF owns THEN
        EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO tickstock_writer', here);
        EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', here);
        FOREACH one IN ARRAY limits LOOP
            -- What the operator has set stays.
            IF NOT EXISTS (
                SELECT FROM pg_db_role_setting AS s JOIN pg_database AS d ON d.oid = s.setdatabase
                CROSS JOIN LATERAL unnest(s.setconfig) AS setting
                WHERE d.datname = here AND s.setrole = 0 AND setting LIKE split_part(one, '=', 1) || '=%'
            ) THEN
                EXECUTE format('ALTER DATABASE %I SET %s = %L', here, split_part(one, '=', 1), split_part(one, '=', 2));
            END IF;
        END LOOP;
    END IF;
    FOR called, locks IN
        SELECT p.oid, p.proname LIKE 'pg%' FROM pg_proc AS p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace
            AND p.proname ~ '^(pg_(try_)?advisory_|lo_|loread$|lowrite$)'
    LOOP
        IF locks AND NOT has_function_privilege('tickstock_writer', called, 'EXECUTE')
            AND has_function_privilege(called, 'EXECUTE WITH GRANT OPTION')
            OR rules_all AND locks
        THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO tickstock_writer, %I', called, owner);
        END IF;
        IF rules_all THEN
            EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', called);
        END IF;
    END LOOP;
    IF rules_all THEN  -- to say who holds a lock, with the program and the statement
        EXECUTE format('GRANT pg_read_all_stats TO tickstock_writer, %I', owner);
    END IF;
END
$$
