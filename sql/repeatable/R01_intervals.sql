-- Half-open intervals of days, [valid_from, valid_to), of tickers and of memberships; valid_to is null where there is no
-- end. The planner puts the expression in place of the call, so that indexes over the columns serve.
CREATE OR REPLACE FUNCTION covers(valid_from date, valid_to date, day date) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN valid_from <= day AND (valid_to IS NULL OR day < valid_to);

CREATE OR REPLACE FUNCTION meets(valid_from date, valid_to date, first date, last date) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN valid_from <= last AND (valid_to IS NULL OR first < valid_to);

REVOKE EXECUTE ON FUNCTION covers(date, date, date), meets(date, date, date, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION covers(date, date, date), meets(date, date, date, date) TO tickstock_writer, tickstock_app;
COMMENT ON FUNCTION covers(date, date, date) IS 'Whether a day is in [valid_from, valid_to); a null valid_to is no end.';
COMMENT ON FUNCTION meets(date, date, date, date) IS 'Whether a day of first to last, both included, is in [valid_from, valid_to); a null valid_to is no end.';
