-- Staging for etf_correlations: the values of one computation, deleted at the end of the transaction.
CREATE TEMP TABLE IF NOT EXISTS stage_correlations (
    session date, security_id bigint, ticker text, reference text, sessions smallint, correlation double precision
) ON COMMIT DELETE ROWS
