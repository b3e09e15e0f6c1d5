-- One batch of bars on its way into ohlcv_daily; gone at the end of the transaction.
CREATE TEMP TABLE stage_bars (
    security_id bigint, session date, ticker text, closes_at timestamptz,
    open numeric(18, 6), high numeric(18, 6), low numeric(18, 6), close numeric(18, 6),
    volume bigint, vwap numeric(18, 6), transactions bigint, status text
) ON COMMIT DROP;
CREATE TEMP TABLE stage_gaps (
    security_id bigint, session date, ticker text, reason text, evidence text, retry_at timestamptz
) ON COMMIT DROP;
CREATE TEMP TABLE stage_rejected (
    ticker text, session date, security_id bigint, reason text, "row" jsonb, unit_id text
) ON COMMIT DROP
