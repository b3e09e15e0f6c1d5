-- Facts of a theme's current members. Average dollar volume is over the fund's last 20 bars of the last 45 days. A member
-- since the start has no first session: the day that the store keeps for it is no date for people.
CREATE OR REPLACE FUNCTION etf_members(wanted text) RETURNS TABLE (
    symbol text, security_id bigint, name text, issuer text, etf_type text, underlying_index text,
    correlation_reference text, primary_exchange text, aum_usd numeric, expense_ratio numeric, adv20_usd numeric,
    since date)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT i.ticker, s.security_id, s.name, s.issuer, s.etf_type, s.underlying_index, s.correlation_reference,
        s.primary_exchange, s.aum_usd, s.expense_ratio, v.adv, nullif(m.valid_from, DATE '1900-01-01')
    FROM universe_memberships AS m
    JOIN securities AS s USING (security_id)
    CROSS JOIN LATERAL (
        SELECT t.ticker FROM ticker_intervals AS t
        WHERE t.security_id = s.security_id ORDER BY t.valid_from DESC LIMIT 1) AS i
    CROSS JOIN LATERAL (
        SELECT avg(recent.close * recent.volume) AS adv
        FROM (
            SELECT b.session, b.close, b.volume FROM ohlcv_daily AS b
            WHERE b.security_id = s.security_id AND NOT b.is_fmv
            ORDER BY b.session DESC LIMIT 20) AS recent
        WHERE recent.session > (SELECT max(n.session) FROM ohlcv_daily AS n) - 45) AS v
    WHERE m.universe = wanted AND m.known_to IS NULL AND m.valid_to IS NULL
$$;

REVOKE EXECUTE ON FUNCTION etf_members(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION etf_members(text) TO tickstock_app, tickstock_writer;
COMMENT ON FUNCTION etf_members(text) IS 'Current members of a dated universe with their facts; average dollar volume over the last 20 bars of 45 days. since is null for members since the start.';
