-- The latest stored session of a market outside the US, by its MIC, or of the US (null): two markets' latest sessions
-- differ by a day for some hours. Looked for among the newest 20 stored dates; the view asks once a query.
CREATE OR REPLACE FUNCTION latest_session(market text) RETURNS date
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = public, pg_temp AS $$
DECLARE
    day date := (SELECT max(session) FROM ohlcv_daily);
BEGIN
    FOR step IN 1..20 LOOP
        EXIT WHEN day IS NULL OR EXISTS (
            SELECT FROM ohlcv_daily AS b
            JOIN securities AS s USING (security_id)
            WHERE b.session = day AND CASE WHEN market IS NULL
                THEN coalesce(s.primary_exchange NOT IN ('XTKS', 'XLON', 'XETR'), true)
                ELSE s.primary_exchange = market END);
        day := (SELECT max(session) FROM ohlcv_daily WHERE session < day);
    END LOOP;
    RETURN day;
END
$$;

REVOKE EXECUTE ON FUNCTION latest_session(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION latest_session(text) TO tickstock_writer, tickstock_app;
COMMENT ON FUNCTION latest_session(text) IS 'The latest stored session of a market outside the US, by its MIC; null: of the US.';

-- An action is announced before it takes effect: prices of today must not be in the shares of next week. It counts from
-- the first stored session of its market on or after its ex-date. A dividend is in the shares of its ex-date, after a
-- split of that day; the close before it is put into the same shares. Dividends after one close are added up. One whose
-- source states the close counts as a share of that, stored or not. The whole price, but for a billionth, is not
-- believed: thirds of it do not add up exactly. `action_factor` in
-- core.actions.returns says the same.
CREATE OR REPLACE VIEW ohlcv_daily_adjusted AS
SELECT
    b.security_id,
    b.session,
    b.ticker,
    b.open * f.split_factor AS open,
    b.high * f.split_factor AS high,
    b.low * f.split_factor AS low,
    b.close * f.split_factor AS close,
    b.volume / f.split_factor AS volume,
    b.close * f.split_factor * d.dividend_factor * e.dividend_factor AS total_return_close,
    f.split_factor,
    d.dividend_factor * e.dividend_factor AS dividend_factor,
    b.status
FROM ohlcv_daily AS b
JOIN securities AS m ON m.security_id = b.security_id
CROSS JOIN LATERAL (
    SELECT CASE m.primary_exchange
        WHEN 'XTKS' THEN (SELECT latest_session('XTKS')) WHEN 'XLON' THEN (SELECT latest_session('XLON'))
        WHEN 'XETR' THEN (SELECT latest_session('XETR')) ELSE (SELECT latest_session(NULL)) END AS day
) AS l
CROSS JOIN LATERAL (
    SELECT coalesce(product(a.split_from / a.split_to), 1) AS split_factor, count(*) AS splits
    FROM corporate_actions AS a
    WHERE a.security_id = b.security_id AND a.action = 'split' AND a.known_to IS NULL AND a.ex_date > b.session
        AND a.ex_date <= l.day
) AS f
CROSS JOIN LATERAL (
    SELECT coalesce(product(1 - g.cash / g.close) FILTER (WHERE g.cash < g.close * 0.999999999), 1) AS dividend_factor
    FROM (
        SELECT p.close, sum(a.cash_amount * r.shares) AS cash
        FROM corporate_actions AS a
        CROSS JOIN LATERAL (
            SELECT q.session, q.close
            FROM ohlcv_daily AS q
            WHERE q.security_id = a.security_id AND q.session < a.ex_date AND NOT q.is_fmv
            ORDER BY q.session DESC
            LIMIT 1
        ) AS p
        CROSS JOIN LATERAL (
            -- Most bars have no later split, and need no look-up.
            SELECT CASE WHEN f.splits = 0 THEN 1 ELSE (
                SELECT coalesce(product(s.split_to / s.split_from), 1)
                FROM corporate_actions AS s
                WHERE s.security_id = a.security_id AND s.action = 'split' AND s.known_to IS NULL
                    AND s.ex_date > p.session AND s.ex_date <= a.ex_date) END AS shares
        ) AS r
        WHERE a.security_id = b.security_id AND a.action = 'dividend' AND a.known_to IS NULL
            AND a.ex_date > b.session AND a.ex_date <= l.day
            AND a.currency = 'USD' AND a.close_before IS NULL AND a.cash_amount * r.shares < p.close * 0.999999999
        GROUP BY p.session, p.close
    ) AS g
) AS d
CROSS JOIN LATERAL (
    SELECT coalesce(product(1 - a.cash_amount / a.close_before), 1) AS dividend_factor
    FROM corporate_actions AS a
    WHERE a.security_id = b.security_id AND a.action = 'dividend' AND a.known_to IS NULL
        AND a.ex_date > b.session AND a.ex_date <= l.day
        AND a.currency = 'USD' AND a.cash_amount < a.close_before * 0.999999999
) AS e
WHERE NOT b.is_fmv;

GRANT SELECT ON ohlcv_daily_adjusted TO tickstock_writer, tickstock_app;
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
