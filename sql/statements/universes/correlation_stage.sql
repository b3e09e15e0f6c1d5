-- The values of one computation on their way into etf_correlations; emptied at the end of the transaction.
CREATE TEMP TABLE IF NOT EXISTS stage_correlations (
    session date, security_id bigint, ticker text, reference text, sessions smallint, correlation double precision
) ON COMMIT DELETE ROWS
