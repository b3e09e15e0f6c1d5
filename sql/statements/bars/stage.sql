-- Staging for ohlcv_daily: one batch of bars, emptied at the end of the transaction. The tables last as long as their
-- session: creating them for every batch would write most of what an unchanged re-load writes, as catalog entries. The
-- times of closing, the same for all bars of a session, are bound to the statements: to write and read them in every row
-- is a third of the staging.
-- Who stages bars runs bars/adjust after writing them.
CREATE TEMP TABLE IF NOT EXISTS stage_bars (
    security_id bigint, session date, ticker text,
    open numeric(18, 6), high numeric(18, 6), low numeric(18, 6), close numeric(18, 6),
    volume bigint, vwap numeric(18, 6), transactions bigint, status text, volume_printed numeric(24, 6)
) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS stage_gaps (
    security_id bigint, session date, ticker text, reason text, evidence text, retry_at timestamptz
) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS stage_rejected (
    ticker text, session date, security_id bigint, reason text, "row" jsonb, unit_id text
) ON COMMIT DELETE ROWS;
SET LOCAL tickstock.adjusts = on
