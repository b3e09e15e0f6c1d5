-- One batch of bars on its way into ohlcv_daily; emptied at the end of the transaction. The tables last as long as their
-- session: made anew for every batch, their entries in the catalog would be most of what an unchanged re-load writes.
CREATE TEMP TABLE IF NOT EXISTS stage_bars (
    security_id bigint, session date, ticker text, closes_at timestamptz,
    open numeric(18, 6), high numeric(18, 6), low numeric(18, 6), close numeric(18, 6),
    volume bigint, vwap numeric(18, 6), transactions bigint, status text
) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS stage_gaps (
    security_id bigint, session date, ticker text, reason text, evidence text, retry_at timestamptz
) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS stage_rejected (
    ticker text, session date, security_id bigint, reason text, "row" jsonb, unit_id text
) ON COMMIT DELETE ROWS
