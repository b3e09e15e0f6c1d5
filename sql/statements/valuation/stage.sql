-- Staging for the values of one computation; emptied at the end of the transaction. Their rows have no close: nothing is
-- adjusted by them.
CREATE TEMP TABLE IF NOT EXISTS stage_fair_values (
    security_id bigint, session date, ticker text, fmv numeric(18, 6), source text, method text, reference text,
    beta double precision, last_session date, last_close numeric(18, 6), sessions_since_print integer,
    closes_at timestamptz
) ON COMMIT DELETE ROWS;
SET LOCAL tickstock.adjusts = on
