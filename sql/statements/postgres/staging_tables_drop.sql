-- Drops the temporary tables of this session.
DO $$
DECLARE
    staging regclass;
BEGIN
    FOR staging IN SELECT oid FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind = 'r' LOOP
        EXECUTE format('DROP TABLE %s', staging);
    END LOOP;
END $$
