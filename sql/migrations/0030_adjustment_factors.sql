-- Factors of adjusted prices, kept beside the actions and the closes that they follow from, so that reading adjusted prices
-- is a join. The functions that fill the table are in sql/repeatable/R05_adjusted_prices.sql.
-- One row a security: its series is found by one look-up, and a bar's place in it by a binary search. A row for each
-- interval would be joined by comparing every bar with every interval of its security.
CREATE TABLE adjustment_factors (
    security_id       bigint PRIMARY KEY REFERENCES securities,
    ex_dates          date[] NOT NULL,
    split_factors     numeric[],
    dividend_factors  numeric[],
    close_dates       date[] NOT NULL,
    pending_from      date,
    CONSTRAINT adjustment_factors_of_one_length CHECK (
        cardinality(ex_dates) = cardinality(split_factors) AND cardinality(ex_dates) = cardinality(dividend_factors)
        AND cardinality(ex_dates) = cardinality(close_dates))
) WITH (toast_tuple_target = 8160);  -- a series in its row is read without being unpacked for each bar
CREATE INDEX adjustment_factors_by_last ON adjustment_factors ((ex_dates[cardinality(ex_dates)]));
CREATE INDEX adjustment_factors_by_pending ON adjustment_factors (pending_from);

COMMENT ON TABLE adjustment_factors IS 'One row per security with splits or dividends in US dollars: the factors that adjust its bars, as of the latest stored session of its market. Follows from corporate_actions and ohlcv_daily, in the transaction that changes them.';
COMMENT ON COLUMN adjustment_factors.security_id IS 'The security.';
COMMENT ON COLUMN adjustment_factors.ex_dates IS 'Ex-dates of its actions that have taken effect, ascending, each once.';
COMMENT ON COLUMN adjustment_factors.split_factors IS 'By ex-date: product of split_from / split_to over it and all later ones, for sessions before it and from the one before it on; 16 significant digits. Null where all are 1.';
COMMENT ON COLUMN adjustment_factors.dividend_factors IS 'By ex-date: product of 1 - cash / close before over it and all later ones, both in the shares of that close; 16 significant digits. Null where all are 1.';
COMMENT ON COLUMN adjustment_factors.close_dates IS 'By ex-date: session of the stored close that its dividends are compared with, -infinity where none is stored; null where nothing is compared with a stored close.';
COMMENT ON COLUMN adjustment_factors.pending_from IS 'First ex-date that has not taken effect; null: none is known.';

-- A consumer asks by ticker. The index keeps each ticker once, with the places of its rows: 7 bytes a bar.
CREATE INDEX ohlcv_daily_by_ticker ON ohlcv_daily (ticker);

-- New sessions put actions into effect. A writer that calls adjust_after_bars says so first (SET LOCAL tickstock.adjusts
-- = on); after any other statement that touches closes everything is rebuilt, so that nobody can forget it.
CREATE FUNCTION adjustments_follow_bars() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('tickstock bars'));
    IF TG_OP = 'DELETE' OR current_setting('tickstock.adjusts', true) IS DISTINCT FROM 'on' THEN
        PERFORM rebuild_adjustment_factors();
    ELSIF TG_OP = 'INSERT' THEN
        PERFORM rebuild_adjustment_factors(ARRAY(
            WITH near AS MATERIALIZED (
                SELECT f.security_id, f.pending_from, adjusts_with(s.primary_exchange) AS market
                FROM adjustment_factors AS f
                JOIN securities AS s USING (security_id)
                WHERE f.pending_from <= (SELECT max(b.session) FROM ohlcv_daily AS b)
            )
            SELECT n.security_id
            FROM near AS n
            JOIN (
                SELECT m.market, latest_session(m.market) AS day FROM (SELECT DISTINCT market FROM near) AS m
            ) AS l ON l.market IS NOT DISTINCT FROM n.market AND n.pending_from <= l.day));
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER adjustments_follow_new_bars AFTER INSERT OR DELETE ON ohlcv_daily
    FOR EACH STATEMENT EXECUTE FUNCTION adjustments_follow_bars();
CREATE TRIGGER adjustments_follow_changed_bars AFTER UPDATE OF security_id, session, close, is_fmv ON ohlcv_daily
    FOR EACH STATEMENT EXECUTE FUNCTION adjustments_follow_bars();

CREATE FUNCTION adjustments_follow_actions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        PERFORM rebuild_adjustment_factors();
        RETURN NULL;
    END IF;
    PERFORM rebuild_adjustment_factors(ARRAY(SELECT DISTINCT c.security_id FROM changed AS c));
    IF TG_OP = 'UPDATE' THEN
        PERFORM rebuild_adjustment_factors(ARRAY(
            SELECT DISTINCT f.security_id FROM former AS f WHERE f.security_id NOT IN (SELECT c.security_id FROM changed AS c)));
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER adjustments_follow_new_actions AFTER INSERT ON corporate_actions
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION adjustments_follow_actions();
CREATE TRIGGER adjustments_follow_changed_actions AFTER UPDATE ON corporate_actions
    REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION adjustments_follow_actions();
CREATE TRIGGER adjustments_follow_removed_actions AFTER DELETE ON corporate_actions
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION adjustments_follow_actions();
CREATE TRIGGER adjustments_follow_no_actions AFTER TRUNCATE ON corporate_actions
    FOR EACH STATEMENT EXECUTE FUNCTION adjustments_follow_actions();

CREATE FUNCTION adjustments_follow_exchanges() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF adjusts_with(OLD.primary_exchange) IS DISTINCT FROM adjusts_with(NEW.primary_exchange) THEN
        PERFORM rebuild_adjustment_factors(ARRAY[NEW.security_id]);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER adjustments_follow_exchanges AFTER UPDATE OF primary_exchange ON securities
    FOR EACH ROW WHEN (OLD.primary_exchange IS DISTINCT FROM NEW.primary_exchange)
    EXECUTE FUNCTION adjustments_follow_exchanges();

REVOKE EXECUTE ON FUNCTION adjustments_follow_bars(), adjustments_follow_actions(), adjustments_follow_exchanges() FROM PUBLIC;
COMMENT ON FUNCTION adjustments_follow_bars() IS 'Trigger: an action takes effect with a session of its market; closes that were changed by a statement of unknown reach rebuild all factors.';
COMMENT ON FUNCTION adjustments_follow_actions() IS 'Trigger: rebuilds the factors of the securities whose actions a statement has changed.';
COMMENT ON FUNCTION adjustments_follow_exchanges() IS 'Trigger: rebuilds the factors of a security that moved between the US and another market.';
