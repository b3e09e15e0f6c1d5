-- Takes a source's bars in until the transaction ends.
CREATE TEMPORARY TABLE candidate_stage (
    security_id bigint, session date, ticker text, open numeric(18, 6), high numeric(18, 6), low numeric(18, 6),
    close numeric(18, 6), volume numeric(24, 6)) ON COMMIT DROP
