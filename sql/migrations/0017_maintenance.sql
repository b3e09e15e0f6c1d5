-- Maintenance of the store by the writer itself: what it may clean up and vacuum, and the log of it.
-- The writer may delete neither calls nor units; these functions, and nothing else, do it for maintenance. What the
-- newest day tells is never among it, whatever is asked for.
CREATE FUNCTION remove_vendor_calls(before timestamptz) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH gone AS (
        DELETE FROM vendor_calls
        WHERE called_at < least(before, (SELECT max(called_at) FROM vendor_calls) - interval '1 day')
        RETURNING call_id)
    SELECT count(*) FROM gone
$$;

CREATE FUNCTION remove_unfinished_units(before timestamptz) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH gone AS (
        DELETE FROM work_units
        WHERE status <> 'done'
            AND greatest(planned_at, finished_at)
                < least(before, (SELECT max(planned_at) FROM work_units) - interval '1 day')
        RETURNING unit_id)
    SELECT count(*) FROM gone
$$;
REVOKE EXECUTE ON FUNCTION remove_vendor_calls(timestamptz), remove_unfinished_units(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION remove_vendor_calls(timestamptz), remove_unfinished_units(timestamptz) TO tickstock_writer;
COMMENT ON FUNCTION remove_vendor_calls(timestamptz) IS
    'Maintenance: deletes the record of calls before a moment, never the newest day''s; returns how many.';
COMMENT ON FUNCTION remove_unfinished_units(timestamptz) IS
    'Maintenance: deletes work units before a moment that failed or were never asked for; returns how many.';

-- VACUUM and ANALYZE without owning a table is a right of its own since PostgreSQL 17. On 16 only the owner has it: the
-- writer says so, and autovacuum alone looks after the tables. Partitions made later come with it.
DO $$
DECLARE
    ours regclass;
BEGIN
    IF current_setting('server_version_num')::integer >= 170000 THEN
        -- One by one: a database may have tables of somebody else beside ours.
        FOR ours IN
            SELECT t.oid FROM pg_class AS t
            WHERE t.relnamespace = 'public'::regnamespace AND t.relkind IN ('r', 'p')
                AND t.relowner = (SELECT s.relowner FROM pg_class AS s WHERE s.oid = 'public.securities'::regclass)
        LOOP
            EXECUTE format('GRANT MAINTAIN ON %s TO tickstock_writer', ours);
        END LOOP;
        EXECUTE 'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT MAINTAIN ON TABLES TO tickstock_writer';
    END IF;
END
$$;

CREATE TABLE maintenance_runs (
    maintenance_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    market          text NOT NULL,
    session         date NOT NULL,
    started_at      timestamptz NOT NULL,
    finished_at     timestamptz NOT NULL,
    removed         jsonb NOT NULL,
    tables          jsonb NOT NULL,
    bytes_before    bigint NOT NULL,
    bytes_after     bigint NOT NULL,
    run_id          text NOT NULL,
    CONSTRAINT maintenance_runs_in_order CHECK (finished_at >= started_at)
);
CREATE INDEX maintenance_runs_by_session ON maintenance_runs (market, session);
-- SELECT comes with the default privileges. Nobody changes or deletes what is in the log.
GRANT INSERT ON maintenance_runs TO tickstock_writer;

COMMENT ON TABLE maintenance_runs IS 'Maintenance of the store: one row for each that came to its end.';
COMMENT ON COLUMN maintenance_runs.maintenance_id IS 'Surrogate identity.';
COMMENT ON COLUMN maintenance_runs.market IS 'MIC of the calendar that says when the market is closed.';
COMMENT ON COLUMN maintenance_runs.session IS 'Last session before the closed days.';
COMMENT ON COLUMN maintenance_runs.started_at IS 'When it began.';
COMMENT ON COLUMN maintenance_runs.finished_at IS 'When it ended.';
COMMENT ON COLUMN maintenance_runs.removed IS 'Rows deleted, by what they were.';
COMMENT ON COLUMN maintenance_runs.tables IS 'By table: bytes before and after, seconds of its VACUUM, or why there was none.';
COMMENT ON COLUMN maintenance_runs.bytes_before IS 'Bytes of all tables with their indexes before.';
COMMENT ON COLUMN maintenance_runs.bytes_after IS 'The same after.';
COMMENT ON COLUMN maintenance_runs.run_id IS 'The Dagster run, or cli.';
