-- Bars as printed. Hypertables where TimescaleDB is installed (or can be); the same tables on plain PostgreSQL.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb') THEN
        CREATE EXTENSION IF NOT EXISTS timescaledb;
    END IF;
END
$$;

CREATE TABLE ohlcv_daily (
    security_id   bigint NOT NULL REFERENCES securities,
    session       date NOT NULL,
    ticker        text NOT NULL,
    closes_at     timestamptz NOT NULL,
    open          numeric(18, 6),
    high          numeric(18, 6),
    low           numeric(18, 6),
    close         numeric(18, 6),
    volume        bigint NOT NULL,
    vwap          numeric(18, 6),
    transactions  bigint,
    fmv           numeric(18, 6),
    is_fmv        boolean NOT NULL DEFAULT false,
    source        text NOT NULL,
    status        text NOT NULL,
    loaded_at     timestamptz NOT NULL,
    PRIMARY KEY (security_id, session),
    CONSTRAINT ohlcv_daily_printed_or_fmv CHECK (
        CASE WHEN is_fmv THEN num_nonnulls(open, high, low, close) = 0 AND volume = 0 AND fmv IS NOT NULL
             ELSE num_nulls(open, high, low, close) = 0 END),
    CONSTRAINT ohlcv_daily_prices_positive CHECK (low > 0 AND fmv > 0),
    CONSTRAINT ohlcv_daily_high_not_below_low CHECK (high >= low),
    CONSTRAINT ohlcv_daily_open_inside CHECK (open BETWEEN low AND high),
    CONSTRAINT ohlcv_daily_close_inside CHECK (close BETWEEN low AND high),
    CONSTRAINT ohlcv_daily_volume_not_negative CHECK (volume >= 0),
    CONSTRAINT ohlcv_daily_status_known CHECK (status IN ('provisional', 'final'))
);

DO $$
DECLARE
    minute_columns text := $columns$
        security_id   bigint NOT NULL,
        ts            timestamptz NOT NULL,
        ticker        text NOT NULL,
        open          numeric(18, 6),
        high          numeric(18, 6),
        low           numeric(18, 6),
        close         numeric(18, 6),
        volume        bigint NOT NULL,
        vwap          numeric(18, 6),
        transactions  bigint,
        fmv           numeric(18, 6),
        is_fmv        boolean NOT NULL DEFAULT false,
        source        text NOT NULL,
        status        text NOT NULL,
        loaded_at     timestamptz NOT NULL,
        PRIMARY KEY (security_id, ts),
        CONSTRAINT ohlcv_1min_printed_or_fmv CHECK (
            CASE WHEN is_fmv THEN num_nonnulls(open, high, low, close) = 0 AND volume = 0 AND fmv IS NOT NULL
                 ELSE num_nulls(open, high, low, close) = 0 END),
        CONSTRAINT ohlcv_1min_prices_positive CHECK (low > 0 AND fmv > 0),
        CONSTRAINT ohlcv_1min_high_not_below_low CHECK (high >= low),
        CONSTRAINT ohlcv_1min_open_inside CHECK (open BETWEEN low AND high),
        CONSTRAINT ohlcv_1min_close_inside CHECK (close BETWEEN low AND high),
        CONSTRAINT ohlcv_1min_volume_not_negative CHECK (volume >= 0),
        CONSTRAINT ohlcv_1min_starts_on_a_minute CHECK (date_trunc('minute', ts, 'UTC') = ts),
        CONSTRAINT ohlcv_1min_status_known CHECK (status IN ('provisional', 'final'))
    $columns$;
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        EXECUTE format('CREATE TABLE ohlcv_1min (%s)', minute_columns);
        -- The indexes are ours; TimescaleDB's own would be a second one over session.
        PERFORM create_hypertable(
            'ohlcv_daily', 'session', chunk_time_interval => interval '1 year', create_default_indexes => false);
        PERFORM create_hypertable(
            'ohlcv_1min', 'ts', chunk_time_interval => interval '1 month', create_default_indexes => false);
    ELSE
        EXECUTE format('CREATE TABLE ohlcv_1min (%s) PARTITION BY RANGE (ts)', minute_columns);
    END IF;
END
$$;

-- Questions by session ("who is missing yesterday?") must not read every symbol's history.
CREATE INDEX ohlcv_daily_by_session ON ohlcv_daily (session);

-- The writer may not create tables; this function, and nothing else, makes the month's partition for it.
CREATE FUNCTION ensure_ohlcv_1min_partition(month date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first_day date := date_trunc('month', month)::date;
    partition_name text := 'ohlcv_1min_' || to_char(first_day, 'YYYYMM');
BEGIN
    IF (SELECT relkind FROM pg_class WHERE oid = 'public.ohlcv_1min'::regclass) <> 'p'
        OR to_regclass('public.' || partition_name) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('ensure_ohlcv_1min_partition'));
    EXECUTE format(
        'CREATE TABLE IF NOT EXISTS public.%I PARTITION OF public.ohlcv_1min FOR VALUES FROM (%L) TO (%L)',
        partition_name, first_day::timestamp AT TIME ZONE 'UTC',
        (first_day + interval '1 month')::timestamp AT TIME ZONE 'UTC');
END
$$;
REVOKE EXECUTE ON FUNCTION ensure_ohlcv_1min_partition(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ensure_ohlcv_1min_partition(date) TO tickstock_writer;

GRANT SELECT, INSERT, UPDATE ON ohlcv_daily, ohlcv_1min TO tickstock_writer;

COMMENT ON TABLE ohlcv_daily IS 'One row per security and session: the bar as printed (raw, never adjusted), or a fair market value where nothing printed.';
COMMENT ON COLUMN ohlcv_daily.security_id IS 'The security.';
COMMENT ON COLUMN ohlcv_daily.session IS 'Trading date of the exchange; a date, not an instant.';
COMMENT ON COLUMN ohlcv_daily.ticker IS 'Ticker as printed on that session.';
COMMENT ON COLUMN ohlcv_daily.closes_at IS 'The session''s scheduled close (an early close included), with time zone.';
COMMENT ON COLUMN ohlcv_daily.open IS 'First price, currency units per share, raw.';
COMMENT ON COLUMN ohlcv_daily.high IS 'Highest price, raw.';
COMMENT ON COLUMN ohlcv_daily.low IS 'Lowest price, raw.';
COMMENT ON COLUMN ohlcv_daily.close IS 'Official close, raw.';
COMMENT ON COLUMN ohlcv_daily.volume IS 'Shares traded, raw; a vendor''s fraction is rounded half to even.';
COMMENT ON COLUMN ohlcv_daily.vwap IS 'Volume-weighted average price, raw; null where the source has none.';
COMMENT ON COLUMN ohlcv_daily.transactions IS 'Number of trades; null where the source has none.';
COMMENT ON COLUMN ohlcv_daily.fmv IS 'Fair market value, currency units per share; never mixed into close.';
COMMENT ON COLUMN ohlcv_daily.is_fmv IS 'True where nothing printed and only fmv speaks; such a row does not count as stored.';
COMMENT ON COLUMN ohlcv_daily.source IS 'Where the row came from: massive, simulator, files, …';
COMMENT ON COLUMN ohlcv_daily.status IS 'provisional until the next day''s reconciliation, then final.';
COMMENT ON COLUMN ohlcv_daily.loaded_at IS 'When this version of the row was written.';
COMMENT ON TABLE ohlcv_1min IS 'One-minute bars as printed; monthly partitions, or a hypertable on TimescaleDB.';
COMMENT ON COLUMN ohlcv_1min.security_id IS 'The security.';
COMMENT ON COLUMN ohlcv_1min.ts IS 'Start of the minute, with time zone.';
COMMENT ON COLUMN ohlcv_1min.ticker IS 'Ticker as printed.';
COMMENT ON COLUMN ohlcv_1min.open IS 'First price, raw.';
COMMENT ON COLUMN ohlcv_1min.high IS 'Highest price, raw.';
COMMENT ON COLUMN ohlcv_1min.low IS 'Lowest price, raw.';
COMMENT ON COLUMN ohlcv_1min.close IS 'Last price, raw.';
COMMENT ON COLUMN ohlcv_1min.volume IS 'Shares traded, raw.';
COMMENT ON COLUMN ohlcv_1min.vwap IS 'Volume-weighted average price, raw.';
COMMENT ON COLUMN ohlcv_1min.transactions IS 'Number of trades.';
COMMENT ON COLUMN ohlcv_1min.fmv IS 'Fair market value; never mixed into close.';
COMMENT ON COLUMN ohlcv_1min.is_fmv IS 'True where nothing printed and only fmv speaks.';
COMMENT ON COLUMN ohlcv_1min.source IS 'Where the row came from.';
COMMENT ON COLUMN ohlcv_1min.status IS 'provisional or final.';
COMMENT ON COLUMN ohlcv_1min.loaded_at IS 'When this version of the row was written.';
COMMENT ON FUNCTION ensure_ohlcv_1min_partition(date) IS 'Makes the monthly partition of ohlcv_1min that holds the date, if it is missing; nothing on TimescaleDB.';
