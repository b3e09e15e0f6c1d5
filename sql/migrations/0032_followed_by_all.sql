-- What 0029 and 0030 did not follow: rows that an UPDATE moves to another partition, bars that are emptied, and a security's
-- move to another market, whose latest session may be another then for all of its securities.

-- A moved row is deleted from one partition and inserted into another: it fires the triggers before UPDATE, and none after
-- it. Securities are never deleted, so that what is there before is there afterwards.
CREATE OR REPLACE FUNCTION refuse_unknown_security() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM securities AS s WHERE s.security_id = NEW.security_id) THEN
        RAISE EXCEPTION 'a row of % is of security %, which does not exist', TG_TABLE_NAME, NEW.security_id
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;  -- a trigger before the change lets the row through with it; after the change it says nothing
END
$$;
DROP TRIGGER IF EXISTS ohlcv_1min_stay_of_known_securities ON ohlcv_1min;
CREATE TRIGGER ohlcv_1min_stay_of_known_securities BEFORE UPDATE OF security_id ON ohlcv_1min
    FOR EACH ROW WHEN (NEW.security_id IS DISTINCT FROM OLD.security_id) EXECUTE FUNCTION refuse_unknown_security();

CREATE TRIGGER adjustments_follow_no_bars AFTER TRUNCATE ON ohlcv_daily
    FOR EACH STATEMENT EXECUTE FUNCTION adjustments_follow_actions();

CREATE OR REPLACE FUNCTION adjustments_follow_exchanges() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM former AS o
        JOIN changed AS n USING (security_id)
        WHERE o.primary_exchange IS DISTINCT FROM n.primary_exchange
            AND adjusts_with(o.primary_exchange) IS DISTINCT FROM adjusts_with(n.primary_exchange))
    THEN
        PERFORM rebuild_adjustment_factors();
    END IF;
    RETURN NULL;
END
$$;
DROP TRIGGER adjustments_follow_exchanges ON securities;
CREATE TRIGGER adjustments_follow_exchanges AFTER UPDATE ON securities
    REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION adjustments_follow_exchanges();
COMMENT ON FUNCTION adjustments_follow_exchanges() IS 'Trigger: rebuilds all factors where a security moves between the US and another market.';
