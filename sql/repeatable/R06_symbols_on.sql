-- A day without a list of its own is as the newest list before it. The close is at most eight days old, which five
-- sessions never exceed but around two holidays. A close before a split goes with the share count before it.
CREATE OR REPLACE FUNCTION symbols_on("on" date) RETURNS TABLE (
    ticker text, security_id bigint, name text, equity_type text, primary_exchange text, cik text, sector text,
    sic_code text, shares numeric, close numeric, market_cap numeric, list_date date, delisted_on date)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    WITH seen AS (
        SELECT max(u.last_session) AS day
        FROM work_units AS u
        WHERE u.kind = 'listings' AND u.subject = '*' AND u.status = 'done' AND u.rows > 0 AND u.last_session <= $1
            AND EXISTS (
                SELECT FROM symbol_versions AS e WHERE e.seen_from <= u.last_session AND e.seen_to >= u.last_session))
    SELECT v.ticker, v.security_id, v.name, v.equity_type, v.primary_exchange, v.cik, s.sector, s.sic_code, h.shares,
        b.close, h.shares * b.close / since.factor, s.list_date, s.delisted_on
    FROM seen
    JOIN symbol_versions AS v ON v.seen_from <= seen.day AND v.seen_to >= seen.day
    JOIN securities AS s USING (security_id)
    LEFT JOIN shares_on($1) AS h USING (security_id)
    LEFT JOIN LATERAL (
        SELECT d.session, d.close
        FROM ohlcv_daily AS d
        WHERE d.security_id = v.security_id AND d.session <= $1 AND d.session > $1 - 8 AND d.close IS NOT NULL
        ORDER BY d.session DESC
        LIMIT 1) AS b ON true
    LEFT JOIN LATERAL (
        SELECT coalesce(product(a.split_to / a.split_from), 1) AS factor
        FROM corporate_actions AS a
        WHERE a.security_id = v.security_id AND a.action = 'split' AND a.known_to IS NULL
            AND a.ex_date > b.session AND a.ex_date <= $1) AS since ON true
    WHERE s.delisted_on IS NULL OR s.delisted_on > $1
    ORDER BY v.ticker COLLATE "C"
$$;

REVOKE EXECUTE ON FUNCTION symbols_on(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION symbols_on(date) TO tickstock_app, tickstock_writer;
COMMENT ON FUNCTION symbols_on(date) IS 'The symbols listed on a past day: ticker, name, type and exchange as its list showed them; shares known then; raw close of the day or of the last eight days; market cap in US dollars = close × shares of that close''s day. Sector and SIC code are those known now.';
