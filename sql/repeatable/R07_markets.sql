-- A security listed at an exchange abroad is of that market. Every other one counts as a US security, whatever its venue,
-- and so does one that is not known yet.
CREATE OR REPLACE FUNCTION in_market(exchange text, market text, abroad text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN market = ANY (abroad) THEN exchange IS NOT DISTINCT FROM market
    ELSE coalesce(exchange <> ALL (abroad), true) END;

-- A universe may hold securities of several markets. Without members it is of any market.
CREATE OR REPLACE FUNCTION universe_in_market(wanted text, market text, abroad text[]) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = public, pg_temp AS $$
    WITH members AS NOT MATERIALIZED (
        SELECT m.security_id FROM static_members AS m WHERE m.universe = wanted
        UNION ALL
        SELECT d.security_id FROM universe_memberships AS d WHERE d.universe = wanted AND d.known_to IS NULL)
    SELECT NOT EXISTS (SELECT FROM members) OR EXISTS (
        SELECT FROM members LEFT JOIN securities AS s USING (security_id)
        WHERE in_market(s.primary_exchange, market, abroad))
$$;

REVOKE EXECUTE ON FUNCTION in_market(text, text, text[]), universe_in_market(text, text, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION in_market(text, text, text[]), universe_in_market(text, text, text[])
    TO tickstock_writer, tickstock_app;
COMMENT ON FUNCTION in_market(text, text, text[]) IS 'Whether a security with this primary exchange is of a market, given the MICs of the markets outside the US.';
COMMENT ON FUNCTION universe_in_market(text, text, text[]) IS 'Whether a universe has a member of a market, or no member at all, given the MICs of the markets outside the US.';
