-- Prices adjusted for splits and dividends: the factors that are kept, and the view that joins them. What calls for them
-- after a change of actions or closes: the triggers of the migration adjustment_factors.

-- The latest stored session of a market outside the US, by its MIC, or of the US (null): two markets' latest sessions
-- differ by a day for some hours. Looked for among the newest 20 stored dates.
CREATE OR REPLACE FUNCTION latest_session(market text) RETURNS date
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = public, pg_temp AS $$
DECLARE
    day date := (SELECT max(session) FROM ohlcv_daily);
BEGIN
    FOR step IN 1..20 LOOP
        EXIT WHEN day IS NULL OR EXISTS (
            SELECT FROM ohlcv_daily AS b
            JOIN securities AS s USING (security_id)
            WHERE b.session = day AND adjusts_with(s.primary_exchange) IS NOT DISTINCT FROM market);
        day := (SELECT max(session) FROM ohlcv_daily WHERE session < day);
    END LOOP;
    RETURN day;
END
$$;

-- Whose latest session decides which actions have taken effect.
CREATE OR REPLACE FUNCTION adjusts_with(exchange text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN exchange IN ('XTKS', 'XLON', 'XETR') THEN exchange END;

-- 16 significant digits of a factor, as many as a float has: products of exact quotients would grow with every action, and
-- each bar's price with them.
CREATE OR REPLACE FUNCTION adjustment_digits(factor numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN trim_scale(CASE WHEN factor BETWEEN 1e-100 AND 1e100
    THEN round(factor, 16 - ceil(log(factor::float8))::integer) ELSE factor END);

-- An action is announced before it takes effect: prices of today must not be in the shares of next week. It counts from
-- the first stored session of its market on or after its ex-date. A dividend is in the shares of its ex-date, after a
-- split of that day; the close before it is put into the same shares. Dividends after one close are added up: no bar
-- lies between them, so that the first ex-date stands for all. One whose source states the close counts as a share of
-- that, stored or not. The whole price, but for a billionth, is not believed: thirds of it do not add up exactly.
-- `action_factor` in core.actions.returns says the same.
-- One security after the other: whatever the planner believes of tables that have just been filled, the work grows with the
-- number of actions.
CREATE OR REPLACE FUNCTION adjustment_series(wanted bigint[]) RETURNS SETOF adjustment_factors
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    WITH asked AS MATERIALIZED (
        SELECT s.security_id, adjusts_with(s.primary_exchange) AS market
        FROM unnest(wanted) AS w (security_id)
        JOIN securities AS s USING (security_id)
        WHERE EXISTS (
            SELECT FROM corporate_actions AS a
            WHERE a.security_id = s.security_id AND a.known_to IS NULL AND (a.action = 'split' OR a.currency = 'USD'))
    ), markets AS MATERIALIZED (
        SELECT k.market, latest_session(k.market) AS day FROM (SELECT DISTINCT market FROM asked) AS k
    )
    SELECT k.security_id, coalesce(x.ex_dates, '{}'), x.split_factors, x.dividend_factors, coalesce(x.close_dates, '{}'), (
            SELECT min(a.ex_date)
            FROM corporate_actions AS a
            WHERE a.security_id = k.security_id AND a.known_to IS NULL AND (a.action = 'split' OR a.currency = 'USD')
                AND (m.day IS NULL OR a.ex_date > m.day))
    FROM asked AS k
    JOIN markets AS m ON m.market IS NOT DISTINCT FROM k.market
    CROSS JOIN LATERAL (
        WITH due AS MATERIALIZED (
            SELECT a.action, a.ex_date, a.split_from, a.split_to, a.cash_amount, a.close_before
            FROM corporate_actions AS a
            WHERE a.security_id = k.security_id AND a.known_to IS NULL AND (a.action = 'split' OR a.currency = 'USD')
                AND a.ex_date <= m.day
        ), compared AS MATERIALIZED (
            SELECT d.ex_date, p.session, p.close, d.cash_amount * (
                    SELECT coalesce(product(s.split_to / s.split_from), 1)
                    FROM due AS s
                    WHERE s.action = 'split' AND s.ex_date > p.session AND s.ex_date <= d.ex_date) AS cash
            FROM due AS d
            LEFT JOIN LATERAL (
                SELECT q.session, q.close
                FROM ohlcv_daily AS q
                WHERE q.security_id = k.security_id AND q.session < d.ex_date AND NOT q.is_fmv
                ORDER BY q.session DESC
                LIMIT 1
            ) AS p ON true
            WHERE d.action = 'dividend' AND d.close_before IS NULL
        ), steps AS (
            SELECT d.ex_date, d.split_from / d.split_to AS split, 1::numeric AS dividend, NULL::date AS close_date
            FROM due AS d
            WHERE d.action = 'split'
            UNION ALL
            SELECT d.ex_date, 1,
                CASE WHEN d.cash_amount < d.close_before * 0.999999999 THEN 1 - d.cash_amount / d.close_before ELSE 1 END,
                NULL
            FROM due AS d
            WHERE d.close_before IS NOT NULL
            UNION ALL
            SELECT min(c.ex_date), 1,
                CASE WHEN sum(c.cash) < c.close * 0.999999999 THEN 1 - sum(c.cash) / c.close ELSE 1 END, NULL
            FROM compared AS c
            WHERE c.cash < c.close * 0.999999999
            GROUP BY c.session, c.close
            UNION ALL
            SELECT c.ex_date, 1, 1, coalesce(c.session, '-infinity')
            FROM compared AS c
        ), days AS (
            SELECT s.ex_date, product(s.split) AS split, product(s.dividend) AS dividend, min(s.close_date) AS close_date
            FROM steps AS s
            GROUP BY s.ex_date
        ), series AS (
            SELECT d.ex_date, d.close_date, product(d.split) OVER later AS split_factor,
                product(d.dividend) OVER later AS dividend_factor
            FROM days AS d
            WINDOW later AS (ORDER BY d.ex_date DESC)
        )
        SELECT array_agg(s.ex_date ORDER BY s.ex_date) AS ex_dates,
            CASE WHEN NOT bool_and(s.split_factor = 1)
                THEN array_agg(adjustment_digits(s.split_factor) ORDER BY s.ex_date) END AS split_factors,
            CASE WHEN NOT bool_and(s.dividend_factor = 1)
                THEN array_agg(adjustment_digits(s.dividend_factor) ORDER BY s.ex_date) END AS dividend_factors,
            array_agg(s.close_date ORDER BY s.ex_date) AS close_dates
        FROM series AS s
    ) AS x
$$;

-- Under the lock of bars (adapters.postgres.turns), taken before anything is read: of two transactions, one with an action
-- and one with a close before it, the second sees what the first has written.
CREATE OR REPLACE FUNCTION rebuild_adjustment_factors(wanted bigint[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    changed bigint;
BEGIN
    IF wanted IS NULL OR cardinality(wanted) = 0 THEN
        RETURN 0;
    END IF;
    -- A snapshot from before the lock would not show what was written meanwhile.
    IF current_setting('transaction_isolation') NOT LIKE 'read %' THEN
        RAISE EXCEPTION 'actions and closes are changed in transactions of the level read committed'
            USING ERRCODE = 'invalid_transaction_state', HINT = 'Factors of adjusted prices follow from them.';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('tickstock bars'));
    WITH series AS MATERIALIZED (
        SELECT * FROM adjustment_series(wanted)
    ), ended AS (
        DELETE FROM adjustment_factors AS f
        WHERE f.security_id = ANY (wanted) AND f.security_id NOT IN (SELECT s.security_id FROM series AS s)
        RETURNING f.security_id
    ), written AS (
        INSERT INTO adjustment_factors AS f
        SELECT * FROM series
        ON CONFLICT (security_id) DO UPDATE SET
            ex_dates = EXCLUDED.ex_dates, split_factors = EXCLUDED.split_factors,
            dividend_factors = EXCLUDED.dividend_factors, close_dates = EXCLUDED.close_dates,
            pending_from = EXCLUDED.pending_from
        WHERE (f.ex_dates, f.split_factors, f.dividend_factors, f.close_dates, f.pending_from) IS DISTINCT FROM
            (EXCLUDED.ex_dates, EXCLUDED.split_factors, EXCLUDED.dividend_factors, EXCLUDED.close_dates,
                EXCLUDED.pending_from)
        RETURNING f.security_id
    )
    SELECT (SELECT count(*) FROM ended) + (SELECT count(*) FROM written) INTO changed;
    RETURN changed;
END
$$;

-- Every security's: after statements of which nobody said which closes they change.
CREATE OR REPLACE FUNCTION rebuild_adjustment_factors() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('tickstock bars'));
    RETURN rebuild_adjustment_factors(ARRAY(
        SELECT a.security_id FROM corporate_actions AS a WHERE a.known_to IS NULL
        UNION
        SELECT f.security_id FROM adjustment_factors AS f));
END
$$;

-- For whoever has just written bars of some securities in a span: those with a dividend between whose close and ex-date a
-- written bar may lie. A load of the newest session finds none by one look into an index.
CREATE OR REPLACE FUNCTION adjust_after_bars(wanted bigint[], first date, last date) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT rebuild_adjustment_factors(ARRAY(
        SELECT f.security_id
        FROM adjustment_factors AS f
        WHERE f.ex_dates[cardinality(f.ex_dates)] > adjust_after_bars.first AND f.security_id = ANY (wanted)
            AND EXISTS (
                SELECT FROM unnest(f.ex_dates, f.close_dates) AS x (ex_date, close_date)
                WHERE x.ex_date > adjust_after_bars.first AND x.close_date <= adjust_after_bars.last)))
$$;

-- Always true, and said to be dear: a planner that thinks so reads the series of the security of a few bars by its key, for
-- which it would otherwise read those of all. Reading them all costs no more than it did: bars by the thousand still do.
CREATE OR REPLACE FUNCTION adjustment_read(wanted bigint) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 200 AS $$
BEGIN
    RETURN true;
END
$$;

-- The factors of a bar stand at the first ex-date after its session. After the last one, and without an action, there are
-- none, and no arithmetic: the bar stays as printed. A security's series is one row: bars are joined by the security alone.
CREATE OR REPLACE VIEW ohlcv_daily_adjusted AS
SELECT
    b.security_id,
    b.session,
    b.ticker,
    coalesce(b.open * f.split_factors[width_bucket(b.session, f.ex_dates) + 1], b.open) AS open,
    coalesce(b.high * f.split_factors[width_bucket(b.session, f.ex_dates) + 1], b.high) AS high,
    coalesce(b.low * f.split_factors[width_bucket(b.session, f.ex_dates) + 1], b.low) AS low,
    coalesce(b.close * f.split_factors[width_bucket(b.session, f.ex_dates) + 1], b.close) AS close,
    coalesce(b.volume / f.split_factors[width_bucket(b.session, f.ex_dates) + 1], b.volume) AS volume,
    coalesce(b.close * f.split_factors[width_bucket(b.session, f.ex_dates) + 1], b.close)
        * coalesce(f.dividend_factors[width_bucket(b.session, f.ex_dates) + 1], 1) AS total_return_close,
    coalesce(f.split_factors[width_bucket(b.session, f.ex_dates) + 1], 1) AS split_factor,
    coalesce(f.dividend_factors[width_bucket(b.session, f.ex_dates) + 1], 1) AS dividend_factor,
    b.status
FROM ohlcv_daily AS b
LEFT JOIN adjustment_factors AS f ON f.security_id = b.security_id AND adjustment_read(f.security_id)
WHERE NOT b.is_fmv;

CREATE OR REPLACE VIEW adjustment_intervals AS
SELECT
    f.security_id,
    f.ex_dates[k.place] AS valid_from,
    f.ex_dates[k.place + 1] AS valid_to,
    coalesce(f.split_factors[k.place + 1], 1) AS split_factor,
    coalesce(f.dividend_factors[k.place + 1], 1) AS dividend_factor
FROM adjustment_factors AS f
CROSS JOIN LATERAL generate_series(0, cardinality(f.ex_dates)) AS k (place);

-- Rows that an earlier text of this file has computed follow this one.
SELECT rebuild_adjustment_factors();

REVOKE EXECUTE ON FUNCTION latest_session(text), adjusts_with(text), adjustment_read(bigint), adjustment_digits(numeric),
    adjustment_series(bigint[]), rebuild_adjustment_factors(bigint[]), rebuild_adjustment_factors(),
    adjust_after_bars(bigint[], date, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION latest_session(text), adjusts_with(text), adjustment_read(bigint) TO tickstock_writer, tickstock_app;
GRANT EXECUTE ON FUNCTION adjustment_digits(numeric), adjustment_series(bigint[]), rebuild_adjustment_factors(bigint[]),
    rebuild_adjustment_factors(), adjust_after_bars(bigint[], date, date) TO tickstock_writer;
GRANT SELECT ON ohlcv_daily_adjusted, adjustment_intervals TO tickstock_writer, tickstock_app;
COMMENT ON FUNCTION latest_session(text) IS 'The latest stored session of a market outside the US, by its MIC; null: of the US.';
COMMENT ON FUNCTION adjusts_with(text) IS 'The MIC of the market outside the US whose latest session decides which actions of a security with this primary exchange count; null: the US.';
COMMENT ON FUNCTION adjustment_read(bigint) IS 'Always true; tells the planner that reading all of adjustment_factors is dear.';
COMMENT ON FUNCTION adjustment_digits(numeric) IS 'A factor, rounded to 16 significant digits.';
COMMENT ON FUNCTION adjustment_series(bigint[]) IS 'What adjustment_factors should hold for some securities, computed from actions and closes.';
COMMENT ON FUNCTION rebuild_adjustment_factors(bigint[]) IS 'Writes adjustment_factors of some securities anew; returns how many rows were different.';
COMMENT ON FUNCTION rebuild_adjustment_factors() IS 'Writes all of adjustment_factors anew; returns how many rows were different.';
COMMENT ON FUNCTION adjust_after_bars(bigint[], date, date) IS 'After bars of some securities between two sessions were written: rebuilds the factors that depend on them; returns how many were different.';
COMMENT ON VIEW adjustment_intervals IS 'The factors of adjustment_factors, one row per security and interval of sessions.';
COMMENT ON COLUMN adjustment_intervals.security_id IS 'The security.';
COMMENT ON COLUMN adjustment_intervals.valid_from IS 'First session of the interval; null: since ever.';
COMMENT ON COLUMN adjustment_intervals.valid_to IS 'First session after it, an ex-date; null: the newest interval, in which nothing is adjusted.';
COMMENT ON COLUMN adjustment_intervals.split_factor IS 'Product of split_from / split_to over later ex-dates.';
COMMENT ON COLUMN adjustment_intervals.dividend_factor IS 'Product over later ex-dates of 1 - cash / close before, both in the shares of that close.';
COMMENT ON VIEW ohlcv_daily_adjusted IS 'Daily bars adjusted on read for splits as known now that have taken effect by the latest stored session of its market (prices and volume), and total_return_close for splits and dividends; rows with only an FMV are left out.';
COMMENT ON COLUMN ohlcv_daily_adjusted.security_id IS 'The security.';
COMMENT ON COLUMN ohlcv_daily_adjusted.session IS 'Trading date.';
COMMENT ON COLUMN ohlcv_daily_adjusted.ticker IS 'Ticker as printed on that session.';
COMMENT ON COLUMN ohlcv_daily_adjusted.open IS 'Split-adjusted open.';
COMMENT ON COLUMN ohlcv_daily_adjusted.high IS 'Split-adjusted high.';
COMMENT ON COLUMN ohlcv_daily_adjusted.low IS 'Split-adjusted low.';
COMMENT ON COLUMN ohlcv_daily_adjusted.close IS 'Split-adjusted close.';
COMMENT ON COLUMN ohlcv_daily_adjusted.volume IS 'Split-adjusted volume, of whole shares; a split can make parts of them.';
COMMENT ON COLUMN ohlcv_daily_adjusted.total_return_close IS 'Close adjusted for splits and cash dividends: the dividends after a close scale it and all earlier ones by 1 - their cash / that close, in its shares.';
COMMENT ON COLUMN ohlcv_daily_adjusted.split_factor IS 'Product of split_from / split_to over later ex-dates.';
COMMENT ON COLUMN ohlcv_daily_adjusted.dividend_factor IS 'Product over later ex-dates of 1 - cash / close before, both in the shares of that close.';
COMMENT ON COLUMN ohlcv_daily_adjusted.status IS 'provisional or final.';
