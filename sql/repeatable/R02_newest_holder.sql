-- A ticker names the security that holds it, or held it last. The planner puts the query in place of the call: one
-- look-up by index per ticker.
CREATE OR REPLACE FUNCTION newest_holder(wanted text) RETURNS TABLE (security_id bigint)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT i.security_id FROM ticker_intervals AS i WHERE i.ticker = wanted ORDER BY i.valid_from DESC LIMIT 1;
END;

REVOKE EXECUTE ON FUNCTION newest_holder(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION newest_holder(text) TO tickstock_writer, tickstock_app;
COMMENT ON FUNCTION newest_holder(text) IS 'The security that holds a ticker, or held it last; no row where none ever did.';
