-- Integrity by statement, not by row. A foreign key asks for every row, and locks its security, again and again: half of
-- a load. What is written in bulk proves instead, once for each statement that inserts, that all of its securities exist;
-- and a security, once there, is never deleted or given another number, by no role. So no order of transactions leaves a
-- row without its security: what a statement has seen stays. `unique_keys` proves the whole tables every evening.
CREATE FUNCTION refuse_unknown_securities() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    unknown bigint;
BEGIN
    -- Distinct first: then a plan made for one row is a good plan for a million.
    SELECT f.security_id INTO unknown
    FROM (SELECT DISTINCT security_id FROM inserted) AS f
    WHERE NOT EXISTS (SELECT FROM securities AS s WHERE s.security_id = f.security_id)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'a row of % is of security %, which does not exist', TG_TABLE_NAME, unknown
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION refuse_unknown_security() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM securities AS s WHERE s.security_id = NEW.security_id) THEN
        RAISE EXCEPTION 'a row of % is of security %, which does not exist', TG_TABLE_NAME, NEW.security_id
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION refuse_to_lose_securities() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'security % is not deleted: its bars and gaps would be of nobody; a delisting ends its listing',
            OLD.security_id USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
    ELSIF TG_OP = 'UPDATE' THEN
        RAISE EXCEPTION 'security % keeps its number: its bars and gaps would be of nobody', OLD.security_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
    -- After TRUNCATE, which waits for whoever has read securities: only together with all that refers to them. A snapshot
    -- from before that wait would not show what was inserted meanwhile.
    ELSIF current_setting('transaction_isolation') NOT LIKE 'read %'
        OR EXISTS (SELECT FROM ohlcv_daily) OR EXISTS (SELECT FROM ohlcv_1min)
        OR EXISTS (SELECT FROM bar_gaps) OR EXISTS (SELECT FROM bar_restatements)
    THEN
        RAISE EXCEPTION 'securities are not emptied while there are bars, gaps or restatements of them'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END
$$;
REVOKE EXECUTE ON FUNCTION refuse_unknown_securities(), refuse_unknown_security(), refuse_to_lose_securities()
    FROM PUBLIC;

CREATE TRIGGER securities_are_never_deleted BEFORE DELETE ON securities
    FOR EACH ROW EXECUTE FUNCTION refuse_to_lose_securities();
CREATE TRIGGER securities_keep_their_number BEFORE UPDATE OF security_id ON securities
    FOR EACH ROW WHEN (NEW.security_id IS DISTINCT FROM OLD.security_id) EXECUTE FUNCTION refuse_to_lose_securities();
CREATE TRIGGER securities_are_never_emptied AFTER TRUNCATE ON securities
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_lose_securities();

DO $$
DECLARE
    name text;
    -- Hypertables have transition tables since TimescaleDB 2.18; before that they keep the foreign key.
    by_statement boolean := coalesce((
        SELECT string_to_array(substring(extversion FROM '^\d+\.\d+'), '.')::integer[] >= '{2,18}'
        FROM pg_extension WHERE extname = 'timescaledb'), true);
BEGIN
    FOREACH name IN ARRAY ARRAY['ohlcv_daily', 'ohlcv_1min', 'bar_gaps', 'bar_restatements'] LOOP
        IF NOT by_statement AND name LIKE 'ohlcv%' THEN
            IF name = 'ohlcv_1min' THEN  -- had none; no release has written minute bars
                ALTER TABLE ohlcv_1min ADD CONSTRAINT ohlcv_1min_security_id_fkey
                    FOREIGN KEY (security_id) REFERENCES securities;
            END IF;
            CONTINUE;
        END IF;
        EXECUTE format('ALTER TABLE %I DROP CONSTRAINT IF EXISTS %I', name, name || '_security_id_fkey');
        EXECUTE format(
            'CREATE TRIGGER %I AFTER INSERT ON %I REFERENCING NEW TABLE AS inserted'
            ' FOR EACH STATEMENT EXECUTE FUNCTION refuse_unknown_securities()',
            name || '_of_known_securities', name);
        -- No statement of ours changes whose a row is: this costs nothing.
        EXECUTE format(
            'CREATE TRIGGER %I AFTER UPDATE OF security_id ON %I FOR EACH ROW'
            ' WHEN (NEW.security_id IS DISTINCT FROM OLD.security_id) EXECUTE FUNCTION refuse_unknown_security()',
            name || '_stay_of_known_securities', name);
    END LOOP;
END
$$;

-- A statement that names a partition fires the partition's triggers, not the table's.
CREATE FUNCTION guard_ohlcv_1min_partition(partition_name regclass) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    EXECUTE format(
        'CREATE TRIGGER ohlcv_1min_of_known_securities AFTER INSERT ON %s REFERENCING NEW TABLE AS inserted'
        ' FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_unknown_securities()', partition_name);
END
$$;
REVOKE EXECUTE ON FUNCTION guard_ohlcv_1min_partition(regclass) FROM PUBLIC;
SELECT guard_ohlcv_1min_partition(i.inhrelid::regclass)
FROM pg_inherits AS i
JOIN pg_class AS p ON p.oid = i.inhparent
WHERE p.oid = 'public.ohlcv_1min'::regclass AND p.relkind = 'p';

CREATE OR REPLACE FUNCTION ensure_ohlcv_1min_partition(month date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first_day date := date_trunc('month', month)::date;
    partition_name text := 'ohlcv_1min_' || to_char(first_day, 'YYYYMM');
BEGIN
    IF (SELECT relkind FROM pg_class WHERE oid = 'public.ohlcv_1min'::regclass) <> 'p' THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('ensure_ohlcv_1min_partition'));
    IF to_regclass('public.' || partition_name) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format(
        'CREATE TABLE public.%I PARTITION OF public.ohlcv_1min FOR VALUES FROM (%L) TO (%L)',
        partition_name, first_day::timestamp AT TIME ZONE 'UTC',
        (first_day + interval '1 month')::timestamp AT TIME ZONE 'UTC');
    PERFORM guard_ohlcv_1min_partition(to_regclass('public.' || partition_name));
END
$$;

COMMENT ON FUNCTION refuse_unknown_securities() IS 'Refuses a statement that inserts a row of a security that does not exist.';
COMMENT ON FUNCTION refuse_unknown_security() IS 'Refuses to make a row one of a security that does not exist.';
COMMENT ON FUNCTION refuse_to_lose_securities() IS 'Refuses to delete or renumber a security, and to empty securities while anything is of them.';
COMMENT ON FUNCTION guard_ohlcv_1min_partition(regclass) IS 'Makes a new partition of ohlcv_1min refuse rows of securities that do not exist, as the table does.';
